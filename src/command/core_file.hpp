// An ELF core file: the memory that a process left, by address. Reads the file
// by pread(), so that a damaged or truncated one gives short reads, no crash.
// One thread at a time.
#ifndef ASHLAR_COMMAND_CORE_FILE_HPP
#define ASHLAR_COMMAND_CORE_FILE_HPP

#include <link.h>

#include <cstdint>
#include <string>
#include <vector>

#include "malloc/inspect/survey.hpp"

namespace ashlar::command {

class CoreFile {
  public:
    // Throws Failure: the file can't be read, or is no core file of this
    // architecture.
    explicit CoreFile(const std::string& path);
    ~CoreFile();
    CoreFile(const CoreFile&) = delete;
    CoreFile& operator=(const CoreFile&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int process() const noexcept { return process_; }
    // As the kernel names it; at most 15 bytes. Empty: the core does not say.
    [[nodiscard]] const std::string& program() const noexcept { return program_; }
    // Bytes that the headers promise and the file does not have.
    [[nodiscard]] std::uint64_t missing() const noexcept { return missing_; }
    // The parts of the memory that the file has, by address.
    [[nodiscard]] const std::vector<inspect::CoreMapping>& mappings() const noexcept {
        return mappings_;
    }
    // The file that was mapped at an address; empty: none, or not known.
    [[nodiscard]] std::string file_at(std::uint64_t address) const;
    // False: the process ran another program. True also where the core does not
    // say.
    [[nodiscard]] bool is_of(const std::string& executable) const;

    // Valid while this object lives.
    [[nodiscard]] inspect::Memory view() const noexcept;

  private:
    // The kernel leaves out anonymous memory that was never touched: it reads
    // as zero.
    //   start          file_end                  end
    //   | in the file  | zero                    |
    struct Segment {
        std::uint64_t start, file_end, end, offset;
    };
    struct File {
        std::uint64_t start, end, page;  // the first page of the file that is mapped
        std::string name;
    };

    void read_segments();
    void read_notes(std::uint64_t offset, std::uint64_t bytes);
    void read_note(std::uint32_t type, const std::vector<char>& data);
    void read_files(const std::vector<char>& data);
    void add_segment(const ElfW(Phdr) & header);
    void make_mappings();
    [[nodiscard]] bool read(std::uint64_t offset, void* to, std::size_t bytes) const noexcept;
    [[nodiscard]] bool copy(std::uint64_t address, void* to, std::size_t bytes) const noexcept;

    std::string path_;
    int file_ = -1;
    std::uint64_t size_ = 0;
    int process_ = 0;
    std::string program_;
    std::uint64_t missing_ = 0;
    std::vector<Segment> segments_;
    std::vector<File> files_;
    std::vector<inspect::CoreMapping> mappings_;
};

}  // namespace ashlar::command

#endif
