// A compiler's front end: text is parsed into a tree of small nodes of many
// sizes. The tree is evaluated, constants are folded, and it is evaluated again
// and freed.
#include "blocks.hpp"
#include "measure.hpp"
#include "syntax.hpp"
#include "team.hpp"

namespace bench {
namespace {

enum class Kind : std::uint32_t { number, name, call, sum, product };

/// Followed by the children, and the word with the last byte of the block's
/// stamp. A name lies in a block of its own.
struct Node {
    std::uint64_t stamp;
    Kind kind;
    std::uint32_t count;
    std::uint64_t value;
    unsigned char* name;

    [[nodiscard]] Node** children() noexcept { return reinterpret_cast<Node**>(this + 1); }
};

constexpr std::uint32_t most_children = 4;

class Builder {
  public:
    explicit Builder(const char* text) noexcept : at_(text) {}

    /// The whole text as one tree: a sum has at most four parts, of which the
    /// first may be a sum.
    Node* parse() noexcept {
        return list(Kind::sum, '+',
                    [this] { return list(Kind::product, '*', [this] { return factor(); }); });
    }

    /// Replaces the number parts of each sum and product by one number, from
    /// the leaves up.
    Node* fold(Node* node) noexcept {
        bool known = node->kind == Kind::sum || node->kind == Kind::product;
        for (std::uint32_t i = 0; i < node->count; ++i) {
            node->children()[i] = fold(node->children()[i]);
            known &= node->children()[i]->kind == Kind::number;
        }
        if (!known) return node;
        Node* number = make_node(Kind::number, nullptr, 0);
        number->value = value_of(node);
        release(node);
        return number;
    }

    static std::uint64_t value_of(Node* node) noexcept {
        std::uint64_t value = node->value;
        for (std::uint32_t i = 0; i < node->count; ++i) {
            const std::uint64_t part = value_of(node->children()[i]);
            switch (node->kind) {
                case Kind::sum: value += part; break;
                case Kind::product: value *= part; break;
                default: value = value * 31 + part;
            }
        }
        return value;
    }

    void release(Node* node) noexcept {
        for (std::uint32_t i = 0; i < node->count; ++i) release(node->children()[i]);
        if (node->name != nullptr) sum_ += drop(node->name);
        sum_ += drop(node);
    }

    [[nodiscard]] std::uint64_t allocations() const noexcept { return allocations_; }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

  private:
    Node* make_node(Kind kind, Node* const* children, std::uint32_t count) noexcept {
        auto* node = static_cast<Node*>(make(sizeof(Node) + count * sizeof(Node*) + 8));
        ++allocations_;
        node->kind = kind;
        node->count = count;
        node->value = kind == Kind::product ? 1 : 0;
        node->name = nullptr;
        for (std::uint32_t i = 0; i < count; ++i) node->children()[i] = children[i];
        return node;
    }

    template <class Part>
    Node* list(Kind kind, char separator, Part part) noexcept {
        Node* parts[most_children] = {part()};
        std::uint32_t count = 1;
        while (*at_ == separator) {
            ++at_;
            if (count == most_children) {
                parts[0] = make_node(kind, parts, count);
                count = 1;
            }
            parts[count++] = part();
        }
        return count == 1 ? parts[0] : make_node(kind, parts, count);
    }

    Node* factor() noexcept {
        if (*at_ == '(') {
            ++at_;
            Node* inner = parse();
            ++at_;
            return inner;
        }
        if (*at_ >= '0' && *at_ <= '9') {
            Node* number = make_node(Kind::number, nullptr, 0);
            while (*at_ >= '0' && *at_ <= '9')
                number->value = number->value * 10 + static_cast<std::uint64_t>(*at_++ - '0');
            return number;
        }
        return named();
    }

    Node* named() noexcept {
        const char* from = at_;
        std::uint64_t hash = 7;
        while (*at_ >= 'a' && *at_ <= 'z') hash = hash * 131 + static_cast<std::uint64_t>(*at_++);
        const auto length = static_cast<std::size_t>(at_ - from);
        Node* arguments[most_children];
        std::uint32_t count = 0;
        if (*at_ == '(') {
            do {
                ++at_;
                arguments[count++] = parse();
            } while (*at_ == ',');
            ++at_;
        }
        Node* node = make_node(count == 0 ? Kind::name : Kind::call, arguments, count);
        node->value = hash;
        node->name = static_cast<unsigned char*>(make(8 + length + 8));
        ++allocations_;
        std::memcpy(node->name + 8, from, length);
        return node;
    }

    const char* at_;
    std::uint64_t allocations_ = 0;
    std::uint64_t sum_ = 0;
};

struct alignas(128) Result {
    std::uint64_t allocations;
    std::uint64_t sum;
};

void build(Text& text, Result& result) noexcept {
    Builder builder(text.begin());
    Node* tree = builder.parse();
    const std::uint64_t value = Builder::value_of(tree);
    tree = builder.fold(tree);
    if (Builder::value_of(tree) != value) fail("a tree lost its value");
    builder.release(tree);
    result.allocations += builder.allocations();
    result.sum += builder.sum() + value;
}

template <unsigned Threads>
void ast(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(2'000 / Threads);
    Table<Result> results(Threads);
    Text text(70);
    measure_threads(measure, Threads, [&](unsigned self) {
        for (std::uint64_t i = 0; i < rounds; ++i) build(text, results[self]);
    });
    for (const Result& result : results) measure.add(result.allocations, result.sum);
}

constexpr char about[] =
    "expressions parsed into trees of small nodes, evaluated, folded and freed";

constexpr Workload workloads[] = {
    {"ast-1", "ast", 1, ast<1>, about},
    {"ast-2", "ast", 2, ast<2>, about},
    {"ast-4", "ast", 4, ast<4>, about},
    {"ast-8", "ast", 8, ast<8>, about},
};

}  // namespace

Theme syntax_trees() noexcept { return theme(workloads); }

}  // namespace bench
