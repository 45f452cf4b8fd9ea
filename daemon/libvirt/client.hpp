// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtPort on libvirt. Three threads meet here: the main one, which owns this object and gets
// all answers; `libvirt-events` (VirtEventThread), whose callbacks only post; and `libvirt-calls`,
// the one worker that makes every libvirt call, connecting and closing included. One connection.
//
// A hung libvirtd blocks the worker and nothing else. Calls fail after 20 s by keepalive; an
// attempt to connect, which libvirt does not guard, lasts until libvirtd wakes up or goes away.
// No second attempt is made beside it.
#pragma once

#include "backoff.hpp"
#include "common/model/libvirt_port.hpp"
#include "connection.hpp"
#include "daemon/loop/event_loop.hpp"
#include "daemon/loop/worker.hpp"
#include "daemon/state/crash_guard.hpp"
#include "daemon/state/state_store.hpp"
#include "event_thread.hpp"
#include "events.hpp"

#include <atomic>
#include <deque>
#include <random>

namespace virtpind {

class LibvirtClient final : public LibvirtPort {
public:
    struct Settings {
        std::string uri;
        std::filesystem::path state_dir;
        CrashGuard* guard = nullptr; // outlives the host
    };

    // How long the destructor waits for the worker. A call that has not come back by then may never
    // do, and its thread cannot be ended: the process then exits at once. What must be on disk is
    // written before that, as nothing is cached.
    static constexpr std::chrono::seconds shutdown_max{5};

    // `on_event` also gets a LibvirtLost for every failed attempt to connect.
    LibvirtClient(loop::EventLoop& loop, Settings settings, PolicyCatalog catalog,
                  std::function<void(LibvirtEvent)> on_event);
    ~LibvirtClient() override;

    LibvirtClient(const LibvirtClient&) = delete;
    LibvirtClient& operator=(const LibvirtClient&) = delete;

    // Blocking; at start, before connect().
    [[nodiscard]] StateStore::Loaded load_before_images() { return store_.load_all(); }

    // The first attempt; further ones follow by themselves, also after a loss.
    void connect();

    // For reading policies from metadata; calls that are made from now on use it.
    void set_catalog(PolicyCatalog catalog);

    // The status of a process that the destructor has to end; 1 if nobody says.
    void leave_with(int status) { leave_status_ = status; }

    // How long the worker has been in its present call; the watchdog asks.
    [[nodiscard]] std::chrono::milliseconds busy_for() const { return worker_.busy_for(); }

    // Never answer before they return. Errors: host_unavailable at once while there is no
    // connection; limits_exceeded while so many calls of the kind (previews, guests and
    // store_policy, which callers ask for; the others) are under way.
    static constexpr std::size_t own_calls_max = 64;
    static constexpr std::size_t callers_calls_max = 256;
    void observe(ObserveDepth depth, std::function<void(Result<Observation>)> done) override;
    void apply(std::vector<DomainActions> actions,
               std::function<void(std::vector<Outcome>)> done) override;
    void read_guest(std::string xml, std::function<void(Result<ObservedDomain>)> done) override;
    void preview_guest(std::string xml, DefinitionChange change,
                       std::function<void(Result<DefinitionPreview>)> done) override;
    void preview(DomainUuid uuid, DefinitionChange change, DefinitionScope scope,
                 std::function<void(Result<DefinitionPreview>)> done) override;
    void store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                      std::function<void(Result<void>)> done) override;
    void save_before_image(BeforeImage image, std::function<void(Result<void>)> done) override;
    void forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                    std::function<void(Result<DomainUuid>)> done) override;
    void forget_before_images(std::vector<DomainUuid> uuids,
                              std::function<void(Result<void>)> done) override;

private:
    enum class State { disconnected, connecting, connected };

    // Bounded apart, and taking turns on the worker: a pass waits for one call of callers, however
    // many there are.
    struct Calls {
        const loop::Worker::Lane lane;
        const std::size_t most;
        std::size_t under_way = 0;
    };

    // A call that needs the connection, or one that does not.
    template <class T>
    void call_libvirt(Calls& calls, std::function<Result<T>(const VirtConnection&)> call,
                      std::function<void(Result<T>)> done);
    template <class T>
    void run_job(Calls& calls, std::function<Result<T>()> job, std::function<void(Result<T>)> done);
    void answer_later(std::function<void()> answer);
    void answer();

    void on_connected(Result<LibvirtConnected> outcome);
    void on_loss(Error why);

    // Main thread, unless said otherwise.
    std::function<void(LibvirtEvent)> on_event_;
    const std::string uri_;
    CrashGuard* const guard_;
    StateStore store_; // used on the worker
    std::shared_ptr<const PolicyCatalog> catalog_;
    State state_ = State::disconnected;
    ConnectionNumber number_{}; // of the present connection, or attempt
    std::optional<Error> lost_while_connecting_;
    Backoff backoff_;
    std::minstd_rand random_{std::random_device{}()};
    Calls own_{loop::Worker::Lane::own, own_calls_max};
    Calls callers_{loop::Worker::Lane::callers, callers_calls_max};
    int leave_status_ = 1;
    std::deque<std::function<void()>> answers_;
    loop::Timer answer_timer_;
    loop::Timer connect_timer_;
    std::atomic<bool> stopping_{false};          // any thread
    VirtEvents events_;                          // any thread
    VirtEventThread event_thread_;               // ends before what its callbacks use
    std::unique_ptr<VirtConnection> connection_; // worker thread only
    loop::Worker worker_;                        // ends first
};

} // namespace virtpind
