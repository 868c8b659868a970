/// \file
/// ashlar::SharedHeap: a heap that several processes share. Each maps it at an
/// address of its own, and any of them may be killed at any instruction.
///
/// This header needs C++20, and the library ashlar::shared.
#ifndef ASHLAR_SHARED_HEAP_HPP
#define ASHLAR_SHARED_HEAP_HPP

#include <ashlar/ashlar.h>
#include <sys/types.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar {

namespace shared {
class Mapping;
}

/// Why a shared heap could not be opened, or a call could not be done.
enum class SharedHeapFault {
    exists,            ///< create_only: the name or the file exists.
    missing,           ///< open_only: there is no such name or file.
    no_rights,         ///< The system denies access.
    no_space,          ///< The file system is full, or a limit was reached.
    no_address_space,  ///< The process cannot map the heap's limit.
    not_a_heap,        ///< The file is not a shared heap, or ends early.
    other_layout,      ///< Made by another version, page size, word size or C library.
    bad_size,          ///< The limit is 0, too large, or not that of the heap.
    being_created,     ///< Another process has not finished the creation.
    too_many_threads,  ///< All slots for threads are in use.
    system,            ///< Another error of the system; the message has it.
};

/// Exception of the functions of SharedHeap that open one.
class ASHLAR_API SharedHeapError : public std::runtime_error {
  public:
    /// Creates an error. what() names the heap, what was found, and what was
    /// expected. Throws std::bad_alloc.
    SharedHeapError(SharedHeapFault fault, const std::string& what)
        : std::runtime_error(what), fault_(fault) {}
    /// Returns the kind of the error. O(1).
    [[nodiscard]] SharedHeapFault fault() const noexcept { return fault_; }

  private:
    SharedHeapFault fault_;
};

/// What to do if the name exists, or does not.
enum class SharedHeapMode {
    create_only,     ///< Fail if it exists.
    open_only,       ///< Fail if it does not exist.
    open_or_create,  ///< Open it, or create it.
};

/// Options of a new heap.
struct SharedHeapOptions {
    /// Most bytes of blocks and their slabs, rounded up to 64 KiB; at most
    /// 256 GiB. It takes address space and a sparse file, not memory. A heap
    /// that exists must have the same limit. The default fits every heap.
    std::size_t limit = std::size_t{1} << 36;
    /// Rights of the new file, as for open(). The process's umask does not
    /// change them.
    mode_t rights = 0600;
};

/// A process that has threads attached to a heap.
struct SharedProcess {
    pid_t process;          ///< Its id when it attached, in its own namespace.
    std::uint32_t threads;  ///< Attached threads.
    std::size_t blocks;     ///< Free blocks that its threads keep for themselves.
    std::size_t bytes;      ///< Bytes of these blocks.
};

/// A block that a dead thread allocated last. Its program may have stored the
/// block's offset or not.
struct SharedDoubt {
    std::uint64_t block;  ///< Offset of the block.
    std::size_t size;     ///< Bytes as requested.
};

/// Memory of a shared heap, in bytes. Exact only while no thread uses it.
struct SharedStatistics {
    std::size_t limit;     ///< The limit of the heap, rounded up.
    std::size_t file;      ///< Bytes of the file that have pages.
    std::size_t used;      ///< Live blocks, as requested.
    std::size_t blocks;    ///< Number of live blocks.
    std::size_t rounding;  ///< Bytes of live blocks that were not asked for.
    std::size_t kept;      ///< Free blocks that threads keep for themselves.
    std::size_t free;      ///< Free blocks of slabs, and free units with pages.
    std::size_t metadata;  ///< Header, slots of threads, and tables.
    std::size_t threads;   ///< Number of attached threads, alive or dead.
    std::size_t doubts;    ///< Number of blocks in doubt.
};

/// A heap in a file or in shared memory.
///
/// A block has an offset, the same in every process, and an address in each.
/// Any thread of any process may free a block.
///
/// Thread safety: any thread may call any member at any time, except
/// construction, assignment, destruction, visit() and check(). No call waits
/// for another thread, alive, stopped or dead. Only opening waits for a process
/// that creates the heap, for some seconds at most.
///
/// Threads: a thread attaches to the heap at its first call, and detaches at
/// its end. At most 2040 threads of all processes are attached. Another thread
/// gets no blocks; it can still free, except while seven such threads do so.
///
/// Deaths: if a thread dies inside a call, nothing is corrupted and no free
/// memory is lost. Other threads give back the memory that it held, at their
/// slow paths or in recover(). A block that it allocated last stays live, and
/// is reported as in doubt. A power failure is out of scope.
///
/// Forks: the child of fork() may use the heap; its thread attaches anew. A
/// process that calls exec is dead for the heap. A child that is made by a bare
/// system call must not use the heap: the C library does not know it.
///
/// Misuse: double, interior, foreign and wrong-heap frees end the program with
/// one line on stderr that names the offset. If two threads free one block, the
/// second call is reported.
///
/// Damage: a wrong word in the file may damage the heap's content, and may end
/// the program by abort(). No access leaves the mapping. The words of the C
/// library's mutexes are an exception: the library trusts them.
///
/// Full file systems: an allocation fails; no signal is raised. The limit
/// RLIMIT_FSIZE concerns only the creation.
class ASHLAR_API SharedHeap {
  public:
    /// Opens or creates the heap with a name of shm_open(). The name begins
    /// with a slash and has no other. Throws SharedHeapError, std::bad_alloc.
    /// O(limit / 64 KiB) for the creation.
    SharedHeap(SharedHeapMode mode, const std::string& name, const SharedHeapOptions& options = {});
    /// The same in the file at `path`, on a file system that has fallocate().
    [[nodiscard]] static SharedHeap file(SharedHeapMode mode, const std::string& path,
                                         const SharedHeapOptions& options = {});
    /// The same in a descriptor, for example of memfd_create(). Creates the
    /// heap if the file is empty. The heap has a descriptor of its own.
    [[nodiscard]] static SharedHeap descriptor(int file, const SharedHeapOptions& options = {});
    /// Closes the heap. The calling thread detaches, others at their end; until
    /// then the mapping stays. Blocks stay live.
    ~SharedHeap();
    /// Takes over an open heap.
    SharedHeap(SharedHeap&& other) noexcept;
    /// Closes this heap, and takes over another.
    SharedHeap& operator=(SharedHeap&& other) noexcept;

    /// Removes a name of shm_open(). Processes that have the heap open keep it.
    /// Returns whether there was one. Throws SharedHeapError.
    static bool remove(const std::string& name);

    /// Allocates `size` bytes at a multiple of `alignment`, a power of two up
    /// to 64 KiB. Size 0 yields a distinct block. Returns nullptr without room,
    /// and for another alignment. Lock-free. Amortised O(1) up to 32 KiB.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = 16) noexcept;
    /// Frees a block; nullptr is ignored. Misuse aborts. Lock-free. Amortised
    /// O(1) up to 32 KiB.
    void deallocate(void* block) noexcept;
    /// Resizes a block and returns its address, which may be new. The first
    /// min(old, new) bytes are kept. nullptr allocates. Returns nullptr on
    /// failure; the old block is untouched. A new block is aligned to 16 bytes.
    /// Misuse aborts. A death inside the call may leave both blocks live; the
    /// new one is then in doubt. Lock-free. O(size) if the block moves.
    [[nodiscard]] void* reallocate(void* block, std::size_t size) noexcept;
    /// Allocates a block and stores its offset at `destination`, a place in a
    /// live block. A death in between leaves both or none. Until the call
    /// returns, only deallocate_from() may change the place. Returns the
    /// address, or nullptr as allocate() does. A place outside of blocks
    /// aborts. Lock-free.
    [[nodiscard]] void* allocate_to(std::uint64_t* destination, std::size_t size,
                                    std::size_t alignment = 16) noexcept;
    /// Frees the block whose offset is stored at `source`, and stores 0 there.
    /// Meanwhile the place holds an odd number. A death in between leaves both
    /// or none after recovery. Of two concurrent calls one frees. Returns
    /// whether this one did; false for 0. Misuse aborts. Lock-free.
    bool deallocate_from(std::uint64_t* source) noexcept;

    /// Returns the bytes that were asked for. Misuse aborts. Lock-free. O(1).
    [[nodiscard]] std::size_t usable_size(const void* block) const noexcept;
    /// Returns whether the address lies in the heap's range. Lock-free. O(1).
    [[nodiscard]] bool owns(const void* address) const noexcept;
    /// Returns the offset of an address in the heap's range; 0 for nullptr. For
    /// other addresses the result is no offset. Lock-free. O(1).
    [[nodiscard]] std::uint64_t to_offset(const void* address) const noexcept;
    /// Returns the address of an offset; nullptr for 0, and for an offset that
    /// is not in the heap's range. Lock-free. O(1).
    [[nodiscard]] void* to_address(std::uint64_t offset) const noexcept;

    /// A live block, as block_at() and visit() show it.
    struct Block {
        std::uint64_t start;  ///< Offset.
        std::size_t size;     ///< Bytes as requested.
    };
    /// Returns the live block that the byte at `offset` lies in, with the
    /// unused bytes at its end. Returns start 0 if it lies in none. Lock-free.
    /// O(1).
    [[nodiscard]] Block block_at(std::uint64_t offset) const noexcept;
    /// Calls `each` for every live block by rising offset, until it returns
    /// false. No thread may use the heap meanwhile. O(size of the heap).
    void visit(const std::function<bool(Block)>& each) const;

    /// Returns the memory of free units and complete slabs to the file system.
    /// Returns the bytes. Lock-free. O(size of the heap).
    std::size_t trim() noexcept;
    /// Gives back the memory that dead threads held. Other threads do so too,
    /// at slow paths. Returns how many threads were recovered. Never waits.
    /// O(size of the heap) if a thread is dead, else O(attached threads).
    std::size_t recover() noexcept;
    /// Sets the callback for each dead thread, with its process. The recovering
    /// thread calls it, inside any call to the heap. It must not throw; it may
    /// use the heap. An empty function removes it. Earlier callbacks are kept
    /// until the heap is closed. Throws std::bad_alloc.
    void on_death(std::function<void(pid_t process)> callback);
    /// Returns the blocks in doubt that are still live, at most 1024. A free or
    /// a resize of the block ends its doubt; settle() does too. O(1024). Throws
    /// std::bad_alloc.
    [[nodiscard]] std::vector<SharedDoubt> doubts() const;
    /// The program knows the block: it is no longer in doubt. O(1024).
    void settle(std::uint64_t block) noexcept;
    /// Returns the processes with attached threads. O(threads). Throws
    /// std::bad_alloc.
    [[nodiscard]] std::vector<SharedProcess> processes() const;
    /// Returns the heap's memory. Never fails. O(size of the heap).
    [[nodiscard]] SharedStatistics statistics() const noexcept;
    /// Checks the heap's invariants while no thread uses it, after recover().
    /// Returns the number of faults, 0 for a sound heap. Prints a line on
    /// stderr for each. O(size of the heap).
    [[nodiscard]] std::size_t check() const noexcept;

    /// The heap's inside, for the other classes of this library.
    [[nodiscard]] const std::shared_ptr<shared::Mapping>& mapping() const noexcept {
        return mapping_;
    }

  private:
    explicit SharedHeap(std::shared_ptr<shared::Mapping> mapping) noexcept;

    std::shared_ptr<shared::Mapping> mapping_;
};

}  // namespace ashlar

#endif
