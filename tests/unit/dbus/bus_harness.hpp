// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests of dbus/: a private bus, a fake daemon behind the Service, and raw sd-bus clients, all
// driven by one event loop on one thread.
#pragma once

#include "common/model/control_port.hpp"
#include "dbus/service.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace virtpind::bus::test {

constexpr const char* manager_path = "/org/virtpind1";
constexpr const char* manager = "org.virtpind1.Manager";
constexpr const char* domain = "org.virtpind1.Domain";
constexpr const char* properties = "org.freedesktop.DBus.Properties";
constexpr const char* web1_uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
constexpr const char* web1_path = "/org/virtpind1/domain/_1b4e28ba_2fa1_11d2_883f_0016d3cca427";

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
        std::string pattern = (std::filesystem::temp_directory_path() / "bus-XXXXXX").string();
        dir_ = mkdtemp(pattern.data());
        chmod(dir_.c_str(), 0755);
        const auto config = dir_ / "bus.conf";
        std::ofstream{config} << "<busconfig><type>session</type><listen>unix:path="
                              << (dir_ / "socket").string()
                              << "</listen><auth>EXTERNAL</auth><policy context='default'>"
                                 "<allow user='*'/><allow own='*'/><allow send_destination='*'/>"
                                 "<allow receive_sender='*'/></policy></busconfig>";
        start("--config-file=" + config.string());
    }

    ~PrivateBus()
    {
        end();
        std::filesystem::remove_all(dir_);
    }

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

    std::filesystem::path dir_;
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

// The daemon as D-Bus sees it: records what it is asked, answers what the test wants.
class FakePort final : public ControlPort {
public:
    [[nodiscard]] Result<DomainUuid> find_domain(std::string_view name) const override
    {
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        if (name == "web1" || name == web1_uuid) {
            return DomainUuid{web1_uuid};
        }
        return Error{.code = Errc::not_found, .message = "no domain \"" + std::string{name} + "\""};
    }

    void set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply) override
    {
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        requests.push_back(std::move(request));
        answer("set_policy", std::move(reply));
    }

    void reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                      Reply<std::uint64_t> reply) override
    {
        resetter = std::move(caller);
        answer("reset_policy " + uuid.str() + " " + std::to_string(flags), std::move(reply));
    }

    void reapply(std::optional<DomainUuid> uuid, std::uint64_t flags,
                 Reply<std::uint64_t> reply) override
    {
        answer("reapply " + (uuid ? uuid->str() : "all") + " " + std::to_string(flags),
               std::move(reply));
    }

    void plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
              const Caller& /*caller*/, DefinitionScope scope, Reply<std::string> reply) override
    {
        ++planned;
        plan_scope = scope;
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        reply(R"({"plan":")" + uuid.str() + " " + policy + " " + std::to_string(options.size()) +
              R"("})");
    }

    void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
              Reply<std::uint64_t> reply) override
    {
        hold_owner = owner;
        held = uuid;
        next = std::uint64_t{7};
        answer("hold " + uuid.str() + " " + reason, std::move(reply));
    }

    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t cookie) const override
    {
        return cookie == 7 ? held : std::nullopt;
    }

    [[nodiscard]] Result<void> release(std::uint64_t cookie, const std::string& owner) override
    {
        calls.push_back("release " + std::to_string(cookie));
        if (owner != hold_owner || cookie != 7) {
            return Error{.code = Errc::invalid_argument, .message = "no such hold of yours"};
        }
        return {};
    }

    void owner_vanished(const std::string& owner) override
    {
        vanished.push_back(owner);
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
    }

    [[nodiscard]] Result<void> reload() override
    {
        calls.emplace_back("reload");
        return reloaded;
    }

    [[nodiscard]] std::string describe() const override
    {
        ++described;
        std::this_thread::sleep_for(describing);
        return R"({"domains":[]})";
    }

    [[nodiscard]] Result<std::string> explain(const DomainUuid& uuid) const override
    {
        return R"({"uuid":")" + uuid.str() + R"("})";
    }

    void export_topology(std::uint64_t /*flags*/, const Caller& /*caller*/,
                         Reply<std::string> reply) override
    {
        reply(Error{.code = Errc::host_unavailable, .message = "no topology yet"});
    }

    bool throws = false;
    bool keep_replies = false;
    std::chrono::milliseconds describing{0}; // how long that takes
    mutable std::size_t described = 0;
    Result<std::uint64_t> next = std::uint64_t{42};
    Result<void> reloaded;
    std::vector<SetPolicyRequest> requests;
    std::vector<std::string> calls;
    std::vector<std::string> vanished;
    std::size_t planned = 0;
    DefinitionScope plan_scope = DefinitionScope::whole; // of the last plan
    std::string hold_owner;
    std::optional<DomainUuid> held;
    Caller resetter; // the last one
    std::vector<Reply<std::uint64_t>> kept;

private:
    void answer(std::string what, Reply<std::uint64_t> reply)
    {
        calls.push_back(std::move(what));
        if (keep_replies) {
            kept.push_back(std::move(reply));
        } else {
            reply(next);
        }
    }
};

[[nodiscard]] inline ManagerView manager_view()
{
    ManagerView view;
    view.version = "0.1.0";
    view.state = "ready";
    view.libvirt_uri = "test:///default";
    view.online_cpus = CpuSet::range(0, 15);
    view.housekeeping_cpus = CpuSet{CpuId{0}, CpuId{8}};
    view.pool_cpus = CpuSet::range(1, 7);
    view.topology_generation = 1;
    view.policies = {"none", "shared", "dedicated"};
    view.default_policy = "none";
    return view;
}

[[nodiscard]] inline DomainView web1_view()
{
    DomainView view;
    view.uuid = DomainUuid{web1_uuid};
    view.name = "web1";
    view.run_state = "running";
    view.policy = "dedicated";
    view.policy_source = "metadata";
    view.policy_options = {{"smt", std::string{"isolate"}}, {"vcpus", std::uint32_t{4}}};
    view.generation = 3;
    view.pin_state = PinState::pinned;
    view.vcpu_pins = {{VcpuId{0}, CpuSet{CpuId{4}}}, {VcpuId{1}, CpuSet{CpuId{5}, CpuId{6}}}};
    view.emulator_cpus = CpuSet{CpuId{0}};
    view.iothread_pins = {{IothreadId{1}, CpuSet{CpuId{8}}}};
    view.numa_nodes = NodeSet{NodeId{0}};
    view.last_applied_usec = 1;
    return view;
}

// The service on a private bus, with domain web1 and one client.
class BusTest : public ::testing::Test {
protected:
    BusTest()
    {
        setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
        auto created = Service::create(loop.event, BusKind::session, port, manager_view());
        if (!created) {
            throw std::runtime_error{created.error().message};
        }
        service = std::move(*created);
        service->publish(manager_view(), {web1_view()});
        client = std::make_unique<Client>(loop, bus.address());
    }

    // Whether the service still answers; drives the loop until it did.
    [[nodiscard]] bool alive()
    {
        return client->call(manager_path, manager, "Describe", "").error.empty();
    }

    PrivateBus bus;
    Loop loop;
    FakePort port;
    std::unique_ptr<Service> service;
    std::unique_ptr<Client> client;
};

} // namespace virtpind::bus::test
