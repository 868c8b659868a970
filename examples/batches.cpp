// Batches: one thread allocates 64 packets with one call, another frees them
// with one call. If the thread's cache has too few blocks, one atomic operation
// takes up to 64.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(batches batches.cpp)
//   target_link_libraries(batches
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <thread>

#include <ashlar/ashlar.h>

namespace {

constexpr std::size_t packet_size = 1500;
constexpr std::size_t batch_size = 64;
constexpr std::size_t batch_count = 2000;

struct Batch {
    std::array<void*, batch_size> packets;
    std::size_t count;
};

// Hands one batch at a time from one thread to another.
std::atomic<Batch*> mailbox{nullptr};

void send(Batch* batch) {
    Batch* empty = nullptr;
    while (!mailbox.compare_exchange_weak(empty, batch, std::memory_order_release,
                                          std::memory_order_relaxed)) {
        empty = nullptr;
        std::this_thread::yield();
    }
}

Batch* receive() {
    Batch* batch = nullptr;
    while ((batch = mailbox.exchange(nullptr, std::memory_order_acquire)) == nullptr)
        std::this_thread::yield();
    return batch;
}

void produce() {
    for (std::size_t i = 0; i < batch_count; ++i) {
        auto* batch = static_cast<Batch*>(ash_malloc(sizeof(Batch)));
        batch->count = ash_malloc_batch(packet_size, batch_size, batch->packets.data());
        for (std::size_t n = 0; n < batch->count; ++n)
            std::memset(batch->packets[n], static_cast<int>((i + n) % 251), packet_size);
        send(batch);
    }
}

}  // namespace

int main() {
    std::thread producer(produce);
    std::size_t received = 0;
    std::size_t damaged = 0;
    for (std::size_t i = 0; i < batch_count; ++i) {
        Batch* batch = receive();
        for (std::size_t n = 0; n < batch->count; ++n) {
            const auto* bytes = static_cast<const unsigned char*>(batch->packets[n]);
            if (bytes[0] != (i + n) % 251 || bytes[packet_size - 1] != (i + n) % 251) ++damaged;
        }
        received += batch->count;
        ash_free_batch(batch->packets.data(), batch->count);
        ash_free(batch);
    }
    producer.join();
    std::printf("%zu packets received, %zu damaged\n", received, damaged);
    return received == batch_count * batch_size && damaged == 0 && ash_check() == 0 ? 0 : 1;
}
