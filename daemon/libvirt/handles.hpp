// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's objects in RAII. The deleters may make an RPC (closing does): worker thread only.
#pragma once

#include <libvirt/libvirt.h>

#include <cstdlib>
#include <memory>

namespace virtpind {

struct CloseConnection {
    void operator()(virConnectPtr connection) const noexcept { virConnectClose(connection); }
};

struct FreeDomain {
    void operator()(virDomainPtr domain) const noexcept { virDomainFree(domain); }
};

struct FreeMemory {
    // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): libvirt hands out malloc'ed memory
    void operator()(void* memory) const noexcept { std::free(memory); }
};

using ConnectionHandle = std::unique_ptr<virConnect, CloseConnection>;
using DomainHandle = std::unique_ptr<virDomain, FreeDomain>;
template <class T>
using MallocPtr = std::unique_ptr<T, FreeMemory>;
using MallocString = MallocPtr<char>;

} // namespace virtpind
