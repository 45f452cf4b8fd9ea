// SPDX-License-Identifier: LGPL-2.1-or-later
// Strong ids. An enum class converts to and from nothing by accident, hashes, compares, and costs
// what its number costs. `raw(id)` is the number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace virtpind {

enum class CpuId : std::uint32_t {};      // host CPU, Linux (OS) index
enum class NodeId : std::uint32_t {};     // NUMA node, Linux (OS) index
enum class VcpuId : std::uint32_t {};     // guest CPU, libvirt index
enum class IothreadId : std::uint32_t {}; // libvirt I/O thread id, 1-based

// Positions in the vectors of Topology; meaningless across two snapshots.
enum class CoreIndex : std::uint32_t {};
enum class L3Index : std::uint32_t {};
enum class NodeIndex : std::uint32_t {};
enum class PackageIndex : std::uint32_t {};
enum class KindIndex : std::uint32_t {};

template <class E>
requires std::is_enum_v<E>

[[nodiscard]] constexpr std::underlying_type_t<E> raw(E id) noexcept
{
    return static_cast<std::underlying_type_t<E>>(id);
}

// A domain's UUID in canonical lower-case text form (36 characters); identity of a domain.
class DomainUuid {
public:
    DomainUuid() = default;

    // Precondition: `text` is canonical (host/domain_xml and libvirt give it so).
    explicit DomainUuid(std::string text) : text_{std::move(text)} {}

    [[nodiscard]] const std::string& str() const noexcept { return text_; }

    friend auto operator<=>(const DomainUuid&, const DomainUuid&) = default;

private:
    std::string text_;
};

} // namespace virtpind

template <>
struct std::hash<virtpind::DomainUuid> {
    std::size_t operator()(const virtpind::DomainUuid& uuid) const noexcept
    {
        return std::hash<std::string>{}(uuid.str());
    }
};
