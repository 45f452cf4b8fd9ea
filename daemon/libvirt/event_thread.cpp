// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_thread.hpp"

#include "error.hpp"

#include <libvirt/libvirt.h>
#include <pthread.h>

#include <stdexcept>
#include <string>

namespace virtpind {

namespace {

constexpr int never = -1;
constexpr int at_once = 0;

void on_bell(int /*timer*/, void* /*opaque*/) {}

void require(int status, const char* what)
{
    if (status < 0) {
        throw std::runtime_error{last_error().failed_to(what).message};
    }
}

int make_bell()
{
    static const int registered = [] {
        silence_libvirt();
        return virEventRegisterDefaultImpl();
    }();
    require(registered, "register libvirt's event loop");
    const auto bell = virEventAddTimeout(never, on_bell, nullptr, nullptr);
    require(bell, "add a timeout to libvirt's event loop");
    return bell;
}

void run(const std::stop_token& stop)
{
    pthread_setname_np(pthread_self(), "libvirt-events");
    while (!stop.stop_requested()) {
        // Cannot go on without events: the exception ends the process, and the service restarts.
        require(virEventRunDefaultImpl(), "run libvirt's event loop");
    }
}

} // namespace

VirtEventThread::VirtEventThread() : bell_{make_bell()}, thread_{run} {}

VirtEventThread::~VirtEventThread()
{
    thread_.request_stop();
    virEventUpdateTimeout(bell_, at_once);
    thread_.join();
    virEventRemoveTimeout(bell_);
}

} // namespace virtpind
