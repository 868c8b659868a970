// The members of MemoryManager for blocks and the buffer: a status becomes an
// exception here.
#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <utility>

#include "manager/engine/manager_inline.hpp"

namespace ashlar {

namespace {

// The manager of an object that was moved from: a buffer of no bytes. It never
// ends, since objects may outlive static ones.
manager::Manager& no_manager() {
    static auto* const none = new manager::Manager(manager::Buffer(), 0, ManagerOptions());
    return *none;
}

void validate(Size size, const ManagerOptions& options) {
    if (!base::is_power_of_two(options.granularity) || options.granularity > max_buffer) {
        throw BadAlignment("MemoryManager: a granularity of " +
                           std::to_string(options.granularity) +
                           " bytes, which is not a power of two up to 2^48");
    }
    const Size limit = std::max(options.limit, options.highest_limit);
    if (size < options.granularity || size > max_buffer || limit > max_buffer) {
        throw BadSize("MemoryManager: a buffer of " + std::to_string(size) + " bytes, a limit of " +
                      std::to_string(limit) + ": " + std::to_string(options.granularity) +
                      " to 2^48 are possible");
    }
}

void refuse_next_part(const ManagerOptions& options) {
    if (!options.next_part) return;
    throw ManagerError(Status::bad_options,
                       "MemoryManager: next_part is set, but the buffer is not the caller's");
}

std::unique_ptr<manager::Manager> make_own(Size size, ManagerOptions options) {
    validate(size, options);
    refuse_next_part(options);
    const Size most = std::max({size, options.limit, options.highest_limit});
    return std::make_unique<manager::Manager>(manager::Buffer::own(most, size), size,
                                              std::move(options));
}

std::unique_ptr<manager::Manager> make_over(std::span<std::byte> buffer, ManagerOptions options) {
    validate(buffer.size(), options);
    const std::span<std::byte> whole = buffer.first(buffer.size() & ~(options.granularity - 1));
    return std::make_unique<manager::Manager>(manager::Buffer(whole), whole.size(),
                                              std::move(options));
}

}  // namespace

void MemoryManager::End::operator()(manager::Manager* manager) const noexcept {
    if (manager != &no_manager()) delete manager;
}
// The manager for an object that is moved from is made here, where it may fail.
MemoryManager::MemoryManager(std::unique_ptr<manager::Manager> manager) {
    static_cast<void>(no_manager());
    manager_.reset(manager.release());
    manager_->set_holder(this);
}
MemoryManager::MemoryManager() : manager_(&no_manager()) {}
MemoryManager::MemoryManager(Size block_size, ManagerOptions options)
    : MemoryManager(make_own(block_size, std::move(options))) {}
MemoryManager::MemoryManager(std::span<std::byte> buffer, ManagerOptions options)
    : MemoryManager(make_over(buffer, std::move(options))) {}
MemoryManager MemoryManager::without_memory(Size size, ManagerOptions options) {
    validate(size, options);
    refuse_next_part(options);
    return MemoryManager(
        std::make_unique<manager::Manager>(manager::Buffer(), size, std::move(options)));
}
MemoryManager::MemoryManager(MemoryManager&& other) noexcept : manager_(&no_manager()) {
    *this = std::move(other);
}
MemoryManager& MemoryManager::operator=(MemoryManager&& other) noexcept {
    if (this == &other) return *this;
    manager_ = std::move(other.manager_);
    other.manager_.reset(&no_manager());
    if (manager_.get() != &no_manager()) manager_->set_holder(this);
    return *this;
}
MemoryManager::~MemoryManager() = default;
MemoryManager* MemoryManager::holder(const manager::Manager& manager) noexcept {
    return manager.holder();
}

namespace {

// Functions of their own, so that the path of a manager for one thread needs no
// stack frame.
[[gnu::noinline]] std::optional<Offset> allocate_with_extras(manager::Manager& manager, Size size,
                                                             Size alignment) {
    Offset at = 0;
    const Status status = manager.allocate_with_extras(size, alignment, at);
    if (status == Status::bad_alignment) manager.refuse_alignment("allocate", size, alignment);
    return status == Status::ok ? std::optional(at) : std::nullopt;
}

[[gnu::noinline]] std::optional<Offset> allocate_anyhow(manager::Manager& manager, Size size,
                                                        Size alignment) {
    if (manager.has_extras()) [[unlikely]]
        return allocate_with_extras(manager, size, alignment);
    Offset at = 0;
    const Status status = manager.allocate_plain(size, alignment, at);
    if (status == Status::ok) [[likely]]
        return at;
    if (status == Status::bad_alignment) manager.refuse_alignment("allocate", size, alignment);
    return std::nullopt;
}

[[gnu::noinline]] void deallocate_anyhow(manager::Manager& manager, Offset offset) {
    const Status status = manager.deallocate(offset);
    if (status != Status::ok) [[unlikely]]
        manager.refuse(status, "deallocate", offset, 0);
}

}  // namespace

std::optional<Offset> MemoryManager::allocate(Size size, Size alignment) {
    const Offset at = manager_->allocate_alone(size, alignment);
    return at != manager::kNoOffset ? std::optional(at)
                                    : allocate_anyhow(*manager_, size, alignment);
}

std::optional<Offset> MemoryManager::allocate_root(Size size, Size alignment) {
    Offset at = 0;
    const Status status = manager_->allocate_root(size, alignment, at);
    if (status == Status::bad_alignment)
        manager_->refuse_alignment("allocate_root", size, alignment);
    return status == Status::ok ? std::optional(at) : std::nullopt;
}

void MemoryManager::deallocate(Offset offset) {
    if (!manager_->deallocate_alone(offset)) deallocate_anyhow(*manager_, offset);
}

void MemoryManager::read(Offset start, std::span<std::byte> out) const {
    const Status status = manager_->read(start, out);
    if (status != Status::ok) [[unlikely]]
        manager_->refuse(status, "read", start, out.size());
}

void MemoryManager::write(Offset start, std::span<const std::byte> data) {
    const Status status = manager_->write(start, data);
    if (status != Status::ok) [[unlikely]]
        manager_->refuse(status, "write", start, data.size());
}

std::optional<Offset> MemoryManager::allocate_at(Offset start, Size size) {
    const Status status = manager_->allocate_at(start, size, 0);
    if (status == Status::bad_size) manager_->refuse(status, "allocate_at", start, size);
    return status == Status::ok ? std::optional(start) : std::nullopt;
}

bool MemoryManager::reserve_range(Offset start, Size size) {
    const Status status = manager_->allocate_at(start, size, ranges::kReserved);
    if (status == Status::bad_size) manager_->refuse(status, "reserve_range", start, size);
    return status == Status::ok;
}

bool MemoryManager::resize(Offset offset, Size size) {
    const Status status = manager_->resize(offset, size);
    if (status == Status::ok || status == Status::no_room) return status == Status::ok;
    manager_->refuse(status, "resize", offset, size);
}

Status MemoryManager::try_allocate(Size size, Size alignment, Offset& offset) noexcept {
    const Offset at = manager_->allocate_alone(size, alignment);
    if (at == manager::kNoOffset) return manager_->allocate(size, alignment, offset);
    offset = at;
    return Status::ok;
}
Status MemoryManager::try_allocate_root(Size size, Size alignment, Offset& offset) noexcept {
    return manager_->allocate_root(size, alignment, offset);
}
Status MemoryManager::try_deallocate(Offset offset) noexcept {
    return manager_->deallocate_alone(offset) ? Status::ok : manager_->deallocate(offset);
}
Status MemoryManager::try_read(Offset start, std::span<std::byte> out) const noexcept {
    return manager_->read(start, out);
}
Status MemoryManager::try_write(Offset start, std::span<const std::byte> data) noexcept {
    return manager_->write(start, data);
}
Status MemoryManager::try_resize(Offset offset, Size size) noexcept {
    return manager_->resize(offset, size);
}
Status MemoryManager::try_allocate_at(Offset start, Size size) noexcept {
    return manager_->allocate_at(start, size, 0);
}
Status MemoryManager::try_reserve_range(Offset start, Size size) noexcept {
    return manager_->allocate_at(start, size, ranges::kReserved);
}

Size MemoryManager::size_of(Offset offset) const {
    const Size size = manager_->size_of(offset);
    if (size == 0) manager_->refuse(Status::bad_offset, "size_of", offset, 0);
    return size;
}

Status MemoryManager::try_size_of(Offset offset, Size& size) const noexcept {
    const Size found = manager_->size_of(offset);
    if (found == 0) return Status::bad_offset;
    size = found;
    return Status::ok;
}

bool MemoryManager::is_block(Offset offset) const noexcept {
    return manager_->size_of(offset) != 0;
}

void MemoryManager::set_user_data(Offset offset, std::uint64_t value) {
    const Status status = manager_->set_user(offset, value);
    if (status != Status::ok) manager_->refuse(status, "set_user_data", offset, 0);
}

std::uint64_t MemoryManager::user_data(Offset offset) const {
    std::uint64_t value = 0;
    const Status status = manager_->user(offset, value);
    if (status != Status::ok) manager_->refuse(status, "user_data", offset, 0);
    return value;
}

void MemoryManager::set_name(Offset offset, std::string_view name) {
    const Status status = manager_->set_name(offset, name);
    if (status != Status::ok) manager_->refuse(status, "set_name", offset, 0);
}

std::string MemoryManager::name(Offset offset) const {
    std::string name;
    const Status status = manager_->name(offset, name);
    if (status != Status::ok) manager_->refuse(status, "name", offset, 0);
    return name;
}

Status MemoryManager::try_set_user_data(Offset offset, std::uint64_t value) {
    return manager_->set_user(offset, value);
}
Status MemoryManager::try_user_data(Offset offset, std::uint64_t& value) const noexcept {
    return manager_->user(offset, value);
}
Status MemoryManager::try_set_name(Offset offset, std::string_view name) {
    return manager_->set_name(offset, name);
}
Status MemoryManager::try_name(Offset offset, std::string& name) const {
    return manager_->name(offset, name);
}

std::byte* MemoryManager::data(Offset offset) const {
    if (manager_->size_of(offset, true) == 0)
        manager_->refuse(Status::bad_offset, "data", offset, 0);
    return manager_->buffer().at(offset);
}

std::optional<Offset> MemoryManager::offset_of(const void* address) const noexcept {
    const Size capacity = this->capacity();
    const Offset offset = manager_->buffer().offset_of(address, capacity);
    return offset < capacity ? std::optional(offset) : std::nullopt;
}

Size MemoryManager::trim() { return manager_->trim(); }

void MemoryManager::clear() {
    const Status status = manager_->clear();
    if (status == Status::in_callback) manager_->refuse_in_callback("clear");
    if (status != Status::ok)
        throw Pinned(
            "clear: a block is pinned, or a pass of defragmentation has begun and not ended");
}

Status MemoryManager::try_clear() noexcept { return manager_->clear(); }

Size MemoryManager::capacity() const noexcept { return manager_->capacity(); }

}  // namespace ashlar
