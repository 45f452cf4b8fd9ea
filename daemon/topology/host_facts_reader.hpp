// SPDX-License-Identifier: LGPL-2.1-or-later
// The facts of common/model/host_facts.hpp, from /proc, /sys and /etc. Thread: any; blocking (some
// hundred small files, and the wait between two readings of /proc/interrupts).
#pragma once

#include "common/model/host_facts.hpp"

#include <filesystem>
#include <functional>

namespace virtpind {

struct HostReadOptions {
    std::filesystem::path root = "/"; // below which the files are: tests have their own
    // Lets some time pass and tells how many milliseconds that were, for the rate of interrupts.
    std::function<unsigned()> wait;
};

// What cannot be read has its reason. Only files of root, or of whom /proc belongs to, count: a
// process of somebody else may call itself as it likes.
[[nodiscard]] HostFacts read_host_facts(const HostReadOptions& options);

} // namespace virtpind
