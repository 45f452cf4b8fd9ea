// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "common/base/text_file.hpp"
#include "common/base/version.hpp"
#include "common/model/config_files.hpp"
#include "daemon/isolation/isolation_client.hpp"
#include "daemon/libvirt/client.hpp"
#include "daemon/loop/event_loop.hpp"
#include "daemon/reconcile/controller.hpp"
#include "daemon/reconcile/reconciler.hpp"
#include "daemon/service/log.hpp"
#include "daemon/service/log_events.hpp"
#include "daemon/service/systemd_notify.hpp"
#include "daemon/state/crash_guard.hpp"
#include "daemon/state/state_lock.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "daemon/watch/cgroup_watch.hpp"
#include "daemon/watch/clock_watch.hpp"
#include "dbus/power_profiles.hpp"
#include "dbus/service.hpp"
#include "host_topology.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace virtpind {

namespace {

// A call to libvirt that takes more watchdog intervals than this is stuck for good (five minutes,
// as the unit has it; moving a guest's memory may take one or two): the watchdog is not fed any
// more.
constexpr int stuck_after_intervals = 10;

// EX_CONFIG of sysexits.h. The unit does not start it again for that: somebody has to mend it.
constexpr int status_for_good = 78;

// Before the first thread starts, so that all inherit it and the loop alone takes the signals.
void block_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (const auto signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// A missing file is the default configuration, unless it was named on the command line.
MissingFile missing_file(const DaemonOptions& options)
{
    return options.config_named ? MissingFile::is_error : MissingFile::is_default;
}

Result<Config> read_config(const DaemonOptions& options)
{
    return read_config_files(options.config_path, missing_file(options));
}

class Daemon final : private ViewSink {
public:
    Daemon(const DaemonOptions& options, Config config, std::shared_ptr<const Topology> topology,
           loop::EventLoop& loop)
        : options_{options}
        , loop_{loop}
        , guard_{options.state_dir, version}
        , host_{loop,
                {.uri = options.uri, .state_dir = options.state_dir, .guard = &guard_},
                config.catalog,
                [this](const LibvirtEvent& event) { on_host_event(event); }}
        , isolation_{loop}
        , power_{loop.raw(), options.bus}
        , reconciler_{loop, host_, read_boot_id(), load_before_images(),
                      images_dir(options.state_dir).native()}
        , controller_{loop,
                      host_,
                      reconciler_,
                      {.export_topology =
                           [this](const Plan& plan, const Reply<std::string>& reply) {
                               topology_.export_xml(plan, reply);
                           },
                       .read_config_again = [this] { return read_config_again(); }}}
        , topology_{loop, options.topology, std::move(topology), reconciler_}
        , clock_{loop, [this] { on_clock_jump(); }}
        , groups_{loop,
                  [this](const DomainUuid& uuid) {
                      reconciler_.on_event(DomainChanged{.uuid = uuid, .what = "thread"});
                  }}
        , watchdog_{loop, [this] { feed_watchdog(); }}
    {
        for (const auto& sentence : guard_.to_tell()) {
            log_warning("{}", printable(sentence, 1024));
        }
        reconciler_.guard_with(guard_);
        reconciler_.hold_profile_with(power_);
        if (options_.topology.kind ==
            TopologySource::Kind::live) { // control groups of another host are not this one's
            reconciler_.isolate_with(isolation_);
        }
        use_config(std::move(config));
        reconciler_.on_topology(topology_.current());
        reconciler_.on_refreshed([this](const Records& records) { follow_groups(records); });
        reconciler_.each_period([this] { topology_.read_again(); }); // uevents may be lost
        if (!topology_.problem().empty()) {
            log_info("{}", topology_.problem());
        }
    }

    // Takes the bus name; from here on there are callers.
    Result<void> serve()
    {
        auto service = bus::Service::create(loop_.raw(), options_.bus, controller_,
                                            make_manager_view(reconciler_.state()));
        if (!service) {
            return std::move(service).error();
        }
        service_ = std::move(*service);
        reconciler_.show_to(*this);
        reconciler_.publish();
        return {};
    }

    int run()
    {
        const auto on_end = [this] { stop(); };
        const auto terminate = loop_.watch_signal(SIGTERM, on_end);
        const auto interrupt = loop_.watch_signal(SIGINT, on_end);
        const auto reload = loop_.watch_signal(SIGHUP, [this] { (void)read_config_again(); });
        host_.connect();
        feed_watchdog();
        const auto code = loop_.run();
        host_.leave_with(code == 0 ? 0 : 1);
        ServiceManager::say_stopping();
        return code;
    }

private:
    void stop()
    {
        log_info("stopping; pins stay as they are");
        reconciler_.stop();
        reconciler_.publish();
        loop_.stop(0);
    }

    std::map<DomainUuid, BeforeImage> load_before_images()
    {
        auto loaded = host_.load_before_images();
        for (const auto& problem : loaded.problems) {
            log_warning("{}", printable(problem));
        }
        if (!loaded.problems.empty()) {
            state_problem_ = loaded.problems.front();
        }
        if (const auto more = loaded.problems.size(); more > 1) {
            state_problem_ += "; the log has " + std::to_string(more - 1) + " more";
        }
        return std::move(loaded.images);
    }

    void use_config(Config config)
    {
        host_.set_catalog(config.catalog);
        reconciler_.set_problem("StateFile", state_problem_);
        reconciler_.on_config(std::move(config));
    }

    // Whoever asked by a signal finds the error among the Problems.
    Result<void> read_config_again()
    {
        systemd_.say_reloading();
        auto config = read_config(options_);
        if (!config) {
            log_event(LogEvent::config_refused,
                      "failed to read the configuration, keeping the former one: " +
                          printable(config.error().message, 1024));
            reconciler_.set_problem("InvalidConfig", config.error().message);
        } else {
            log_info("reloaded the configuration");
            reconciler_.set_problem("InvalidConfig", "");
            use_config(std::move(*config));
        }
        reconciler_.publish();
        systemd_.say_reloaded();
        return config ? Result<void>{} : std::move(config).error();
    }

    void follow_groups(const Records& records)
    {
        std::map<DomainUuid, int> running;
        for (const auto& [uuid, record] : records) {
            if (record.seen.facts.id) {
                running.emplace(uuid, *record.seen.facts.id);
            }
        }
        groups_.follow(running);
    }

    // READY once libvirt was tried, whether it answered or not: it may come later.
    void on_host_event(const LibvirtEvent& event)
    {
        reconciler_.on_event(event);
        const auto connection = std::holds_alternative<LibvirtConnected>(event) ||
                                std::holds_alternative<LibvirtLost>(event);
        if (!connection) {
            return;
        }
        systemd_.say_ready();
        if (reconciler_.connected()) {
            topology_.read_again();
        }
    }

    // The clock was set, or the machine slept: nobody told what happened meanwhile.
    void on_clock_jump()
    {
        log_info("the clock jumped or the machine resumed; starting a full pass");
        topology_.read_again();
        reconciler_.request_pass(std::nullopt, [](const Result<void>&) {});
    }

    // Fed only while this loop turns and the libvirt worker makes progress.
    void feed_watchdog()
    {
        const auto interval = ServiceManager::watchdog_interval();
        if (!interval) {
            return;
        }
        const auto busy = host_.busy_for();
        if (busy < stuck_after_intervals * *interval) {
            ServiceManager::feed_watchdog();
        }
        // A libvirt that hangs at the first attempt must not keep the host from booting.
        if (busy > *interval / 4) {
            systemd_.say_ready();
        }
        watchdog_.start(*interval / 2);
    }

    // What the bus shows, systemd shows too.
    void publish(const ManagerView& manager, const std::vector<DomainView>& domains) override
    {
        service_->publish(manager, domains);
        systemd_.say_status(status_text(manager, domains));
    }

    void applied(const DomainUuid& uuid, std::uint64_t generation, const std::string& result,
                 const OptionMap& details) override
    {
        service_->applied(uuid, generation, result, details);
    }

    const DaemonOptions& options_;
    loop::EventLoop& loop_;
    std::string state_problem_;
    ServiceManager systemd_;
    CrashGuard guard_;
    LibvirtClient host_;
    IsolationClient isolation_;
    bus::PowerProfiles power_;
    Reconciler reconciler_;
    Controller controller_;
    std::unique_ptr<bus::Service> service_;
    HostTopology topology_;
    ClockWatch clock_;
    CgroupWatch groups_;
    loop::Timer watchdog_;
};

} // namespace

int check_config(const DaemonOptions& options)
{
    const auto refuse = [](const Error& error) {
        std::cerr << "virtpind: " << printable(error.message, 4096) << '\n';
        return 2;
    };
    const auto texts = read_config_texts(options.config_path, missing_file(options));
    if (!texts) {
        return refuse(texts.error());
    }
    if (const auto config = parse_config(*texts); !config) {
        return refuse(config.error());
    }
    if (texts->empty() || texts->front().source != options.config_path) {
        std::cout << options.config_path << ": file not found; the defaults apply\n";
    }
    for (const auto& text : *texts) {
        std::cout << printable(text.source, 4096) << ": valid\n";
    }
    return 0;
}

int run_daemon(const DaemonOptions& options)
{
    block_signals();
    set_up_log(options.log_level);
    const auto give_up = [](const Error& error) {
        log_critical("{}", printable(error.message, 1024));
        return 1;
    };
    auto config = read_config(options);
    if (!config) {
        return give_up(config.error());
    }
    auto topology = read_topology(options.topology);
    if (!topology) {
        return give_up(topology.error());
    }
    topology->generation = 1;
    for (const auto& warning : topology->warnings) {
        log_warning("{}", printable(warning));
    }
    auto loop = loop::EventLoop::create();
    if (!loop) {
        return give_up(loop.error());
    }
    const auto lock = lock_state(options.state_dir);
    if (!lock && lock.error().code == Errc::conflict) {
        return give_up(lock.error());
    }
    if (!lock) {
        const auto why = printable(lock.error().message, 1024);
        log_event(LogEvent::state_unusable, why);
        ServiceManager{}.say_status(why);
        return status_for_good;
    }
    Daemon daemon{options, std::move(*config), std::make_shared<Topology>(std::move(*topology)),
                  *loop};
    if (auto served = daemon.serve(); !served) {
        return give_up(served.error());
    }
    const auto code = daemon.run();
    if (code < 0) {
        log_critical("the event loop failed ({}): {}", code,
                     loop->failure().empty() ? "the connection to the bus may be lost"
                                             : printable(loop->failure(), 1024));
    }
    return code == 0 ? 0 : 1;
}

} // namespace virtpind
