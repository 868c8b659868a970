// An endpoint for Prometheus: a program serves its own memory metrics over
// HTTP. ash_metrics() writes to the socket, and needs no memory for that: the
// endpoint answers also when the heap is full.
//
// To let Prometheus scrape it, in prometheus.yml:
//
//   scrape_configs:
//     - job_name: program
//       static_configs: [{targets: ["localhost:9464"]}]
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(metrics_endpoint metrics_endpoint.cpp)
//   target_link_libraries(metrics_endpoint
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <ashlar/ashlar.h>
#include <ashlar/allocator.hpp>

namespace {

sockaddr_in local(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void send_text(int client, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(client, text.data(), text.size(), 0);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// Reads the head of a request, up to the empty line.
bool is_for_metrics(int client) {
    char head[4096];
    std::size_t length = 0;
    while (length < sizeof head &&
           std::string_view(head, length).find("\r\n\r\n") == std::string_view::npos) {
        const ssize_t n = ::recv(client, head + length, sizeof head - length, 0);
        if (n <= 0) return false;
        length += static_cast<std::size_t>(n);
    }
    return std::string_view(head, length).substr(0, 13) == "GET /metrics ";
}

// The length of the answer is not known before: it ends with the connection.
void answer(int client) {
    if (is_for_metrics(client)) {
        send_text(client,
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "
                  "application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\r\n");
        if (ash_metrics(client) != 0) std::fputs("a scrape was cut off\n", stderr);
    } else {
        send_text(client, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    }
    ::shutdown(client, SHUT_WR);
    ::close(client);
}

class Endpoint {
  public:
    explicit Endpoint(std::uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const sockaddr_in address = local(port);
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_, 8) != 0) {
            std::perror("endpoint");
            std::exit(1);
        }
        thread_ = std::thread([this] {
            for (;;) {
                const int client = ::accept(listener_, nullptr, nullptr);
                if (client < 0) return;
                answer(client);
            }
        });
    }
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    ~Endpoint() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }

    [[nodiscard]] std::uint16_t port() const {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        return ntohs(address.sin_port);
    }

  private:
    int listener_;
    std::thread thread_;
};

// What Prometheus does.
std::string scrape(std::uint16_t port, const char* path) {
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = local(port);
    std::string text;
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        send_text(server, std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        char part[4096];
        for (ssize_t n = 0; (n = ::recv(server, part, sizeof part, 0)) > 0;)
            text.append(part, static_cast<std::size_t>(n));
    }
    ::close(server);
    return text;
}

double value_of(const std::string& text, const std::string& sample) {
    const auto at = text.find('\n' + sample + ' ');
    return at == std::string::npos ? -1 : std::atof(text.c_str() + at + sample.size() + 2);
}

}  // namespace

// With a port it serves for ever. Without one it scrapes itself, and checks the
// answers.
int main(int count, char** words) {
    // A scraper may go away early.
    std::signal(SIGPIPE, SIG_IGN);
    const Endpoint endpoint(static_cast<std::uint16_t>(count > 1 ? std::atoi(words[1]) : 0));
    if (count > 1) {
        for (;;) ::pause();
    }
    std::vector<int, ashlar::Allocator<int>> work;
    const std::string before = scrape(endpoint.port(), "/metrics");
    work.resize(1'000'000);
    const std::string after = scrape(endpoint.port(), "/metrics");
    const char* const live = "ashlar_heap_bytes{part=\"live\"}";
    const double grown = value_of(after, live) - value_of(before, live);
    std::printf("the heap has grown by %.0f bytes\n", grown);
    const bool complete = after.size() > 6 && after.substr(after.size() - 6) == "# EOF\n";
    const bool found = before.find("HTTP/1.1 200 OK\r\n") == 0 &&
                       scrape(endpoint.port(), "/other").find("HTTP/1.1 404 ") == 0;
    return complete && found && grown >= 4e6 && value_of(before, live) >= 0 ? 0 : 1;
}
