// SPDX-License-Identifier: LGPL-2.1-or-later
// The table that `lscpu -e` or `lscpu -p` writes, as rows. Pure. The text comes from anybody:
// everything in it is bounded, and its numbers are keys, never positions.
#pragma once

#include "common/base/ids.hpp"
#include "common/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace virtpind {

inline constexpr std::size_t lscpu_bytes_max = std::size_t{4} * 1024 * 1024;
inline constexpr std::uint32_t lscpu_nodes_max = 1024; // Linux has no more

// One CPU. What the table does not tell of it is absent.
struct LscpuRow {
    CpuId id{};
    std::optional<std::uint32_t> core;
    std::optional<std::uint32_t> socket;
    std::optional<std::uint32_t> node; // below lscpu_nodes_max
    std::optional<std::uint32_t> l1;   // of data
    std::optional<std::uint32_t> l2;
    std::optional<std::uint32_t> l3;
    std::optional<std::uint32_t> mhz_max; // whole MHz
    bool online = true;
};

// At least one row, ascending and each CPU once; one of them is online. Errors: invalid_argument
// with the line, the valid words and how to run lscpu; limits_exceeded.
[[nodiscard]] Result<std::vector<LscpuRow>> parse_lscpu(std::string_view text);

} // namespace virtpind
