// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as in iSCSI (RFC 3720,
// B.4) and ext4. Eight bytes at a time by eight tables: M. Kounavis, F. Berry,
// "A Systematic Approach to Building High Performance Software-Based CRC
// Generators" (2005).
#ifndef ASHLAR_MANAGER_STATE_CRC32C_HPP
#define ASHLAR_MANAGER_STATE_CRC32C_HPP

#include <array>
#include <cstddef>
#include <cstdint>

namespace ashlar::manager {

namespace detail {

inline constexpr std::size_t kTables = 8;
using CrcTables = std::array<std::array<std::uint32_t, 256>, kTables>;

constexpr CrcTables make_crc_tables() noexcept {
    CrcTables tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
        tables[0][i] = crc;
    }
    for (std::size_t table = 1; table < kTables; ++table) {
        for (std::size_t i = 0; i < 256; ++i) {
            const std::uint32_t last = tables[table - 1][i];
            tables[table][i] = last >> 8 ^ tables[0][last & 0xff];
        }
    }
    return tables;
}

inline constexpr CrcTables kCrc = make_crc_tables();

}  // namespace detail

class Crc32c {
  public:
    void add(unsigned char byte) noexcept {
        crc_ = crc_ >> 8 ^ detail::kCrc[0][(crc_ ^ byte) & 0xff];
    }
    void add(const unsigned char* bytes, std::size_t size) noexcept {
        for (; size >= detail::kTables; bytes += detail::kTables, size -= detail::kTables)
            add_eight(bytes);
        for (; size != 0; --size) add(*bytes++);
    }
    [[nodiscard]] std::uint32_t value() const noexcept { return ~crc_; }

  private:
    void add_eight(const unsigned char* bytes) noexcept {
        std::uint32_t next = 0;
        for (std::size_t i = 0; i < detail::kTables; ++i) {
            const std::uint32_t mixed = i < 4 ? bytes[i] ^ (crc_ >> (8 * i) & 0xff) : bytes[i];
            next ^= detail::kCrc[detail::kTables - 1 - i][mixed];
        }
        crc_ = next;
    }

    std::uint32_t crc_ = ~std::uint32_t{0};
};

}  // namespace ashlar::manager

#endif
