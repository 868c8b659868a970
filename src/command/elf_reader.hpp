// Reads tables and texts of an ELF file at an offset. A damaged file gives
// empty ones.
#ifndef ASHLAR_COMMAND_ELF_READER_HPP
#define ASHLAR_COMMAND_ELF_READER_HPP

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

namespace ashlar::command {

// A size in a damaged file may be anything; no table read here is larger than
// this in a real one.
inline constexpr std::size_t kLargestTable = std::size_t{256} << 20;

class ElfReader {
  public:
    explicit ElfReader(const std::string& path) : file_(path, std::ios::binary) {}

    template <class T>
    std::vector<T> array(std::size_t offset, std::size_t count) {
        if (count > kLargestTable / sizeof(T)) return {};
        std::vector<T> items(count);
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(offset));
        file_.read(reinterpret_cast<char*>(items.data()),
                   static_cast<std::streamsize>(count * sizeof(T)));
        if (!file_) items.clear();
        return items;
    }
    std::string text(std::size_t offset) {
        std::string line;
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(offset));
        std::getline(file_, line, '\0');
        return line;
    }

  private:
    std::ifstream file_;
};

}  // namespace ashlar::command

#endif
