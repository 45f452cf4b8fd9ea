// SPDX-License-Identifier: LGPL-2.1-or-later
// The thread `libvirt-events`: libvirt's own default event loop. It delivers events and keepalive
// for every connection of the process. No call that may block is ever made on it: libvirt does not
// watch over calls that are made on the thread of its own event loop.
#pragma once

#include <thread>

namespace virtpind {

class VirtEventThread {
public:
    // Registers libvirt's default event loop, which cannot be undone and must come before any
    // connection is opened. One instance at a time.
    VirtEventThread();
    // Connections must be closed by then.
    ~VirtEventThread();

    VirtEventThread(const VirtEventThread&) = delete;
    VirtEventThread& operator=(const VirtEventThread&) = delete;

private:
    int bell_; // a libvirt timeout that never fires by itself: wakes the loop to end it
    std::jthread thread_;
};

} // namespace virtpind
