// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests, the daemon's spine and controller on the real adapter, and all that may happen to them;
// in the end, what is left of it.
#pragma once

#include "common/base/text_file.hpp"
#include "common/model/parts.hpp"
#include "daemon/commands/restore_command.hpp"
#include "daemon/reconcile/controller.hpp"
#include "daemon/reconcile/reconciler.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/undo_op.hpp"
#include "tests/support/undo_traces.hpp"
#include "tests/support/world_host.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <sstream>

namespace virtpind::test {

namespace fs = std::filesystem;

inline const char* const host_shape = "pack:2 [numa(memory=17179869184)] l3:1 core:2 pu:2";
inline constexpr std::size_t all_jobs = 400; // what goes on after so many does not end

class Daemon {
public:
    Daemon(const fs::path& state_dir, std::shared_ptr<const Topology> topology, Config config)
        : host{state_dir}
        , reconciler{loop(), host, read_boot_id(), host.load()}
        , controller{loop(), host, reconciler, {}}
    {
        reconciler.on_config(std::move(config));
        reconciler.on_topology(std::move(topology));
        connect();
    }

    void connect()
    {
        if (host.connect()) {
            reconciler.on_event(LibvirtConnected{.uri = "qemu:///system", .driver = "QEMU"});
        }
    }

    static loop::EventLoop& loop()
    {
        static auto one = *loop::EventLoop::create(); // nothing is ever run on it
        return one;
    }

    WorldHost host;
    Reconciler reconciler;
    Controller controller;
};

class Case {
public:
    // Which guests there are, how they are pinned, and whether they run.
    explicit Case(unsigned shapes) : shapes_{shapes}
    {
        virt_world() = {};
        for (unsigned number = 0; number < ((shapes >> 10U) & 1U) + 1; ++number) {
            virt_world().define(original(number));
            if (((shapes >> (8 + number)) & 1U) != 0) {
                virt_world().start(guest_uuids[number]);
            }
        }
        start_daemon();
    }

    ~Case()
    {
        virt_world().fault = {};
        virt_world().dying = false;
    }

    Case(const Case&) = delete;
    Case& operator=(const Case&) = delete;

    void run(const Op& op)
    {
        auto& world = virt_world();
        world.fault = {.what = op.fault,
                       .first = op.first,
                       .count = op.count,
                       .kinds = kinds_of_calls.at(op.at).kinds,
                       .meanwhile = [this, op] { overtake(op); }};
        const auto overtaking = quick_ones.at(op.variant % quick_ones.size());
        if (op.fault == Fault::What::be_overtaken && overtaking != What::undefine &&
            overtaking != What::rename) {
            // libvirt has no compare-and-swap: the moment of that call itself is left.
            world.fault.kinds.erase(Kind::definition);
        }
        try {
            happen(op);
            if (daemon_) {
                daemon_->host.run(op.jobs == 0 ? all_jobs : op.jobs);
            }
        } catch (const Killed&) {
            daemon_.reset();
        }
        world.fault.what = op.jobs == 0 ? Fault::What::none : world.fault.what;
        recover();
    }

    // All faults cease, every policy goes; "" when all is as it should be.
    std::string finish(bool by_restore)
    {
        auto& world = virt_world();
        world.fault = {};
        recover();
        if (auto problem = second_look(); !problem.empty()) {
            return problem;
        }
        config_ = {};
        daemon_->reconciler.on_config(config_);
        daemon_->controller.owner_vanished(owner);
        daemon_->host.run(all_jobs);
        if (by_restore) {
            daemon_.reset();
            std::ostringstream out;
            if (run_restore_command(restore_options(), out, out) != 0) {
                return "restore failed: " + out.str();
            }
            start_daemon();
        }
        for (const auto& [uuid, guest] : world.guests) {
            std::string problem = "no answer";
            daemon_->controller.reset_policy(DomainUuid{uuid}, 0, {.name = owner, .uid = 0},
                                             [&problem](const Result<std::uint64_t>& done) {
                                                 problem = done ? "" : done.error().message;
                                             });
            daemon_->host.run(all_jobs);
            if (!problem.empty()) {
                return "ResetPolicy: " + problem;
            }
        }
        const auto problem = second_look();
        return problem.empty() ? find_raised() + find_traces() : problem;
    }

private:
    // What somebody may do in the middle of a call.
    static constexpr std::array quick_ones{What::edit,          What::edit_live, What::stop,
                                           What::restart_guest, What::undefine,  What::plug,
                                           What::rename};

    // Whatever was done is done, with any policy: a step may make room for the next (a vCPU, then
    // its pin), but they end.
    std::string second_look()
    {
        constexpr int steps_max = 5;
        for (int step = 0; step < steps_max; ++step) {
            reapply();
        }
        if (!daemon_->host.is_idle()) {
            return "passes do not end";
        }
        const auto changes = virt_world().changes;
        reapply();
        reapply();
        return virt_world().changes == changes ? "" : "it goes on writing";
    }

    static constexpr const char* owner = ":1.7";

    [[nodiscard]] std::string original(unsigned number) const
    {
        return guest_xml(number, (shapes_ >> (4 * number)) & 15U);
    }

    static const std::shared_ptr<const Topology>& topology()
    {
        static const auto one = std::make_shared<const Topology>(*read_topology(source()));
        return one;
    }

    static TopologySource source()
    {
        return {.kind = TopologySource::Kind::synthetic, .text = host_shape};
    }

    [[nodiscard]] RestoreOptions restore_options() const
    {
        return {.uri = "qemu:///system", .state_dir = dir_, .topology = source(), .domains = {}};
    }

    void start_daemon()
    {
        virt_world().lost = false;
        virt_world().dying = false;
        daemon_ = std::make_unique<Daemon>(dir_, topology(), config_);
        daemon_->host.run(all_jobs);
    }

    // systemd starts the daemon again, and the daemon connects again.
    void recover()
    {
        auto& world = virt_world();
        world.dying = false;
        if (!daemon_) {
            world.fault = {};
            start_daemon();
        } else if (world.lost) {
            world.fault = {};
            daemon_->reconciler.on_event(LibvirtLost{.why = {.message = "lost"}});
            daemon_->host.run(all_jobs);
            world.lost = false;
            daemon_->connect();
            daemon_->host.run(all_jobs);
        }
    }

    void reapply()
    {
        daemon_->controller.reapply(std::nullopt, 0, [](const auto&) {});
        daemon_->host.run(all_jobs);
    }

    void tell(unsigned guest, DomainChanged::Kind kind = DomainChanged::Kind::other)
    {
        if (daemon_) {
            daemon_->reconciler.on_event(DomainChanged{
                .uuid = DomainUuid{guest_uuids[guest]}, .what = "changed", .kind = kind});
        }
    }

    // What somebody else does in the middle of a call; the event comes later.
    void overtake(const Op& op)
    {
        change_world({.what = quick_ones.at(op.variant % quick_ones.size()),
                      .guest = op.guest,
                      .variant = op.first + op.variant});
        overtaken_ = true;
    }

    // What others do; whether it is that.
    bool change_world(const Op& op)
    {
        auto& world = virt_world();
        const auto& uuid = guest_uuids.at(op.guest);
        constexpr std::array parts{"vcpu", "emulator", "iothread"};
        const std::string part = parts.at(op.guest == 0 ? op.variant % 3 : op.variant % 2);
        const auto& cpus = cpus_of_others.at(op.variant / 3 % cpus_of_others.size());
        switch (op.what) {
        case What::start:
            world.start(uuid);
            break;
        case What::stop:
            world.stop(uuid);
            break;
        case What::restart_guest:
            world.stop(uuid);
            world.start(uuid);
            break;
        case What::edit:
            world.pin_config(uuid, part, cpus);
            break;
        case What::edit_live:
            world.pin_live(uuid, part, cpus);
            break;
        case What::plug:
            world.plug(uuid);
            break;
        case What::undefine:
            world.undefine(uuid);
            undefined_.insert(uuid);
            break;
        case What::rename:
            world.rename(uuid, "renamed" + std::to_string(op.variant % 3));
            break;
        case What::define:
            world.define(op.variant % 2 == 0 ? original(op.guest)
                                             : guest_xml(op.guest, op.variant));
            undefined_.erase(uuid);
            break;
        default:
            return false;
        }
        return true;
    }

    void set_policy(const Op& op)
    {
        static const std::vector<std::pair<std::string, OptionMap>> policies{
            {"dedicated", {}},
            {"dedicated", {{"topology", std::string{"match"}}}},
            {"shared", {}},
            {"dedicated", {{"emulator", std::string{"vcpus"}}}},
            {"dedicated", {{"topology", std::string{"host"}}, {"vcpus", std::uint32_t{3}}}},
            {"none", {}},
            {"dedicated", {{"vcpus", std::uint32_t{1}}}},
            {"shared", {{"cpus", std::string{"2-5"}}}},
            {"dedicated", {{"tune", std::vector<std::string>{"cache-passthrough", "no-migrate"}}}},
            {"dedicated", {{"tune", std::vector<std::string>{"cache-passthrough"}}}},
            // This libvirt does not keep <smbios>.
            {"shared", {{"tune", std::vector<std::string>{"hide-hypervisor", "host-smbios"}}}},
        };
        constexpr std::array<std::uint64_t, 4> flags{0, 0, flag_runtime_only, flag_defer};
        const auto& [name, options] = policies.at(op.variant % policies.size());
        daemon_->controller.set_policy({.uuid = DomainUuid{guest_uuids[op.guest]},
                                        .policy = name,
                                        .options = options,
                                        .flags = flags.at(op.variant / policies.size() % 4),
                                        .expect_generation = {},
                                        .caller = {.name = owner, .uid = 0}},
                                       [](const auto&) {});
    }

    void happen(const Op& op)
    {
        if (change_world(op)) {
            const auto ended = op.what == What::stop || op.what == What::undefine ||
                               op.what == What::restart_guest;
            tell(op.guest, ended ? DomainChanged::Kind::ended : DomainChanged::Kind::other);
            return;
        }
        const DomainUuid uuid{guest_uuids.at(op.guest)};
        switch (op.what) {
        case What::set_policy:
            set_policy(op);
            break;
        case What::reset_policy:
            daemon_->controller.reset_policy(uuid, op.variant % 4 == 3 ? flag_runtime_only : 0,
                                             {.name = owner, .uid = 0}, [](const auto&) {});
            break;
        case What::restart_daemon:
            daemon_.reset();
            break;
        case What::restore: {
            daemon_.reset();
            std::ostringstream out;
            [[maybe_unused]] const auto status = run_restore_command(restore_options(), out, out);
            break;
        }
        case What::hold:
            daemon_->controller.hold(uuid, "test", owner, [](const auto&) {});
            break;
        case What::release:
            daemon_->controller.owner_vanished(owner);
            break;
        case What::configure:
            config_.default_policy = std::array{"none", "dedicated", "shared"}.at(op.variant % 3);
            daemon_->reconciler.on_config(config_);
            break;
        default:
            daemon_->controller.reapply(std::nullopt, 0, [](const auto&) {});
        }
        if (std::exchange(overtaken_, false)) {
            tell(op.guest);
        }
    }

    // ---- what must hold in the end ------------------------------------------------------------

    [[nodiscard]] std::string find_raised() const
    {
        std::string raised;
        for (const auto& [uuid, guest] : virt_world().guests) {
            raised += guest.config && undefined_.count(uuid) != 0 ? uuid + " came back; " : "";
        }
        return raised;
    }

    [[nodiscard]] std::string find_traces() const
    {
        std::string traces;
        for (const auto& [uuid, guest] : virt_world().guests) {
            traces += guest.config ? traces_in_definition(guest) : "";
            traces += guest.live ? traces_in_run(guest) : "";
            if (fs::exists(dir_ / "domains" / (uuid + ".json"))) {
                traces += "the before-image of " + uuid + " stays; ";
            }
        }
        return traces;
    }

    const unsigned shapes_;
    Config config_;
    const TemporaryFolder folder_{TemporaryFolder::in_memory()};
    const fs::path dir_ = folder_.path();
    bool overtaken_ = false;
    std::set<std::string> undefined_; // by their owner, who has not defined them again
    std::unique_ptr<Daemon> daemon_;
};

} // namespace virtpind::test
