// SPDX-License-Identifier: LGPL-2.1-or-later
// A private bus, a loop on it and clients of the service, for tests of dbus/: all on one thread.
#pragma once

#include "tests/support/temporary_folder.hpp"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::bus::test {

inline void require(int r, const std::string& what)
{
    if (r < 0) {
        throw std::runtime_error{what + ": " + std::string{strerror(-r)}};
    }
}

// A dbus-daemon of our own that lets every user connect.
class PrivateBus {
public:
    PrivateBus()
    {
        require(chmod(folder_.path().c_str(), 0755), "chmod");
        const auto config = folder_.write(
            "bus.conf",
            "<busconfig><type>session</type><listen>unix:path=" + (folder_ / "socket").string() +
                "</listen><auth>EXTERNAL</auth><policy context='default'>"
                "<allow user='*'/><allow own='*'/><allow send_destination='*'/>"
                "<allow receive_sender='*'/></policy></busconfig>");
        start("--config-file=" + config.string());
    }

    ~PrivateBus() { end(); }

    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;

    // Stops and continues the process: nothing is answered in between.
    void pause() const { kill(pid_, SIGSTOP); }

    void resume() const { kill(pid_, SIGCONT); }

    void end()
    {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }

    [[nodiscard]] const std::string& address() const { return address_; }

private:
    void start(const std::string& config_option)
    {
        int ready[2];
        require(pipe(ready), "pipe");
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(ready[0]);
            const auto print = "--print-address=" + std::to_string(ready[1]);
            execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", config_option.c_str(),
                   print.c_str(), nullptr);
            _exit(127);
        }
        close(ready[1]);
        for (char c = 0; read(ready[0], &c, 1) == 1 && c != '\n';) {
            address_ += c;
        }
        close(ready[0]);
        if (address_.empty()) {
            throw std::runtime_error{"dbus-daemon did not start"};
        }
    }

    virtpind::test::TemporaryFolder folder_;
    std::string address_;
    pid_t pid_ = -1;
};

struct Loop {
    Loop() { require(sd_event_new(&event), "sd_event_new"); }

    ~Loop() { sd_event_unref(event); }

    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs the loop until `done`; false when that took too long or the loop ended.
    bool run_until(const std::function<bool()>& done) const
    {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!done()) {
            if (std::chrono::steady_clock::now() > deadline || sd_event_run(event, 100'000) < 0) {
                return false;
            }
        }
        return true;
    }

    sd_event* event = nullptr;
};

struct MessageUnref {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

struct CallReply {
    MessagePtr message;
    std::string error; // name; empty: it succeeded
    std::string text;

    template <class T>
    T read(const char* type) const
    {
        T value{};
        require(sd_bus_message_read(message.get(), type, &value), "read reply");
        return value;
    }

    [[nodiscard]] std::string text_result() const { return read<const char*>("s"); }

    [[nodiscard]] std::uint64_t number_result() const { return read<std::uint64_t>("t"); }
};

struct SeenSignal {
    std::string path;
    std::string member;
    MessagePtr message;
};

// A client of the service on the same loop. `user`: connects as that user (needs root).
class Client {
public:
    Client(const Loop& loop, const std::string& address, uid_t user = geteuid()) : loop_{loop}
    {
        require(sd_bus_new(&bus_), "sd_bus_new");
        require(sd_bus_set_address(bus_, address.c_str()), "address");
        require(sd_bus_set_bus_client(bus_, 1), "client");
        const auto own = geteuid();
        require(seteuid(user), "seteuid"); // the socket carries who connected it
        const int started = sd_bus_start(bus_);
        const char* name = nullptr;
        const int named = started < 0 ? started : sd_bus_get_unique_name(bus_, &name);
        require(seteuid(own), "seteuid back");
        require(named, "connect");
        name_ = name;
        require(sd_bus_attach_event(bus_, loop.event, 0), "attach");
    }

    ~Client() { leave(); }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void leave() { bus_ = sd_bus_flush_close_unref(bus_); }

    [[nodiscard]] const std::string& name() const { return name_; }

    // Sends a call; the reply appears in `*reply` while the loop runs.
    template <class... Args>
    std::shared_ptr<CallReply> send(const char* path, const char* interface, const char* member,
                                    const char* types, Args... args)
    {
        pending_.push_back(std::make_shared<CallReply>());
        require(sd_bus_call_method_async(bus_, nullptr, "org.virtpind1", path, interface, member,
                                         on_reply, pending_.back().get(), types, args...),
                "send");
        return pending_.back();
    }

    template <class... Args>
    CallReply call(const char* path, const char* interface, const char* member, const char* types,
                   Args... args)
    {
        const auto reply = send(path, interface, member, types, args...);
        if (!loop_.run_until([&] { return reply->message != nullptr; })) {
            throw std::runtime_error{std::string{"no reply to "} + member};
        }
        return std::move(*reply);
    }

    // Asks the bus itself, and waits: what was sent before has reached the service's queue then.
    [[nodiscard]] bool sees(const std::string& other) const
    {
        sd_bus_message* reply = nullptr;
        int seen = 0;
        require(sd_bus_call_method(bus_, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                   "org.freedesktop.DBus", "NameHasOwner", nullptr, &reply, "s",
                                   other.c_str()),
                "NameHasOwner");
        sd_bus_message_read(reply, "b", &seen);
        sd_bus_message_unref(reply);
        return seen != 0;
    }

    // From here on its calls say that its person may be asked for a password.
    void allow_interaction() const
    {
        require(sd_bus_set_allow_interactive_authorization(bus_, 1), "allow interaction");
    }

    void listen()
    {
        require(sd_bus_add_match(bus_, nullptr, "type='signal',path_namespace='/org/virtpind1'",
                                 on_signal, this),
                "match");
    }

    std::vector<SeenSignal> signals;

private:
    static int on_reply(sd_bus_message* message, void* reply, sd_bus_error* /*error*/)
    {
        auto& to = *static_cast<CallReply*>(reply);
        to.message.reset(sd_bus_message_ref(message));
        if (const auto* error = sd_bus_message_get_error(message); error != nullptr) {
            to.error = error->name;
            to.text = error->message != nullptr ? error->message : "";
        }
        return 1;
    }

    static int on_signal(sd_bus_message* message, void* self, sd_bus_error* /*error*/)
    {
        static_cast<Client*>(self)->signals.push_back({sd_bus_message_get_path(message),
                                                       sd_bus_message_get_member(message),
                                                       MessagePtr{sd_bus_message_ref(message)}});
        return 0;
    }

    const Loop& loop_;
    sd_bus* bus_ = nullptr;
    std::string name_;
    std::vector<std::shared_ptr<CallReply>> pending_;
};

} // namespace virtpind::bus::test
