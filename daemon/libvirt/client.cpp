// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"

#include "actuator.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "error.hpp"
#include "observer.hpp"
#include "policy_calls.hpp"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <future>

namespace virtpind {

namespace {

// The worker has room for connecting and closing besides.
constexpr std::size_t worker_jobs_max =
    LibvirtClient::own_calls_max + LibvirtClient::callers_calls_max + 2;

Error not_connected()
{
    return Error{.code = Errc::host_unavailable,
                 .message = "there is no connection to libvirt; it is retried by itself"};
}

Error too_busy(std::size_t most)
{
    return Error{.code = Errc::limits_exceeded,
                 .message = std::to_string(most) +
                            " calls to libvirt are under way already; try again in a moment"};
}

// Errors that concern a whole call, as the outcome of each domain.
std::vector<Outcome> failed_outcomes(const std::vector<DomainActions>& actions, const Error& why)
{
    std::vector<Outcome> outcomes;
    outcomes.reserve(actions.size());
    for (const auto& domain : actions) {
        outcomes.push_back(
            Outcome{.uuid = domain.uuid, .name = domain.name, .id = domain.id, .errors = {why}});
    }
    return outcomes;
}

// What goes wrong there is that definition's affair. It is no running domain, whatever it says.
Result<ObservedDomain> parse_guest(const std::string& xml, const PolicyCatalog& catalog)
{
    try {
        auto seen = parse_domain_xml(xml, catalog, XmlKind::config);
        if (seen) {
            seen->facts.id.reset();
            seen->facts.state = RunState::shutoff;
            seen->facts.definition_bytes = xml.size();
            seen->running.reset();
        }
        return seen;
    } catch (const std::exception& error) {
        return Error{.code = Errc::internal,
                     .message = "something went wrong in virtpind itself (" +
                                std::string{error.what()} +
                                "); please report it together with the definition"};
    }
}

// What goes wrong at one domain says nothing of the others.
Outcome apply_safely(const VirtConnection& connection, const PolicyCatalog& catalog,
                     StateStore& store, const DomainActions& domain)
{
    try {
        return apply_with_undo_log(connection, catalog, store, domain);
    } catch (const std::exception& error) {
        return {.uuid = domain.uuid,
                .name = domain.name,
                .id = domain.id,
                .errors = {{.code = Errc::internal,
                            .message = "something went wrong in virtpind itself (" +
                                       std::string{error.what()} + "); please report it"}}};
    }
}

} // namespace

LibvirtClient::LibvirtClient(loop::EventLoop& loop, Settings settings, PolicyCatalog catalog,
                             std::function<void(LibvirtEvent)> on_event)
    : on_event_{std::move(on_event)}
    , uri_{std::move(settings.uri)}
    , guard_{settings.guard}
    , store_{settings.state_dir}
    , catalog_{std::make_shared<const PolicyCatalog>(std::move(catalog))}
    , answer_timer_{loop, [this] { answer(); }}
    , connect_timer_{loop, [this] { connect(); }}
    , events_{loop, on_event_,
              [this](ConnectionLoss loss) {
                  if (loss.connection == number_) { // not one that is long gone
                      on_loss(std::move(loss.why));
                  }
              }}
    , worker_{loop, "libvirt-calls", worker_jobs_max}
{}

LibvirtClient::~LibvirtClient()
{
    stopping_ = true;
    std::promise<void> closed;
    auto done = closed.get_future();
    const auto posted = worker_.submit([this, &closed] {
        connection_.reset();
        closed.set_value();
        return [] {};
    });
    if (posted == loop::Posted::full ||
        done.wait_for(shutdown_max) == std::future_status::timeout) {
        constexpr std::string_view farewell = "libvirt does not respond; exiting\n";
        [[maybe_unused]] const auto written =
            ::write(STDERR_FILENO, farewell.data(), farewell.size());
        ::_exit(leave_status_);
    }
}

void LibvirtClient::connect()
{
    if (state_ != State::disconnected) {
        return;
    }
    state_ = State::connecting;
    lost_while_connecting_.reset();
    connect_timer_.stop();
    number_ = ConnectionNumber{static_cast<std::uint64_t>(number_) + 1};
    [[maybe_unused]] const auto posted =
        worker_.submit([this, number = number_]() -> loop::Worker::Completion {
            connection_.reset();
            if (stopping_) {
                return [] {};
            }
            auto opened = VirtConnection::open(uri_, number, events_);
            if (!opened) {
                return [this, why = std::move(opened).error()] { on_connected(why); };
            }
            connection_ = std::move(*opened);
            return [this, identity = connection_->identity()] { on_connected(identity); };
        });
}

void LibvirtClient::on_connected(Result<LibvirtConnected> outcome)
{
    state_ = State::connected;
    if (!outcome) {
        on_loss(std::move(outcome).error());
        return;
    }
    backoff_.connected(Backoff::Clock::now());
    on_event_(std::move(*outcome));
    // Reported by another mailbox than the worker's, a loss may overtake the connection.
    if (auto lost = std::exchange(lost_while_connecting_, std::nullopt)) {
        on_loss(std::move(*lost));
    }
}

void LibvirtClient::on_loss(Error why)
{
    if (state_ == State::connecting) {
        lost_while_connecting_ = std::move(why);
        return;
    }
    if (state_ == State::disconnected) {
        return;
    }
    state_ = State::disconnected;
    const auto chance = std::uniform_real_distribution{}(random_);
    connect_timer_.start(backoff_.failed(Backoff::Clock::now(), chance));
    on_event_(LibvirtLost{.why = std::move(why)});
}

void LibvirtClient::set_catalog(PolicyCatalog catalog)
{
    catalog_ = std::make_shared<const PolicyCatalog>(std::move(catalog));
}

void LibvirtClient::answer_later(std::function<void()> answer)
{
    answers_.push_back(std::move(answer));
    answer_timer_.start(std::chrono::microseconds{0});
}

void LibvirtClient::answer()
{
    auto answers = std::exchange(answers_, {});
    for (const auto& one : answers) {
        one();
    }
}

template <class T>
void LibvirtClient::run_job(Calls& calls, std::function<Result<T>()> job,
                            std::function<void(Result<T>)> done)
{
    if (calls.under_way == calls.most) {
        answer_later([done = std::move(done), most = calls.most] { done(too_busy(most)); });
        return;
    }
    ++calls.under_way;
    [[maybe_unused]] const auto posted = worker_.submit(
        [this, &calls, job = std::move(job), done = std::move(done)]() -> loop::Worker::Completion {
            auto result = stopping_ ? Result<T>{not_connected()} : job();
            return [&calls, done, result = std::move(result)]() mutable {
                --calls.under_way;
                done(std::move(result));
            };
        },
        calls.lane);
}

template <class T>
void LibvirtClient::call_libvirt(Calls& calls, std::function<Result<T>(const VirtConnection&)> call,
                                 std::function<void(Result<T>)> done)
{
    if (state_ != State::connected) {
        answer_later([done = std::move(done)] { done(not_connected()); });
        return;
    }
    run_job<T>(
        calls,
        [this, call = std::move(call)]() -> Result<T> {
            if (!connection_) {
                return not_connected();
            }
            auto result = call(*connection_);
            // A connection that broke before its close callback was registered says so to nobody.
            if (!connection_->is_alive()) {
                events_.connection_lost(connection_->number(), VIR_CONNECT_CLOSE_REASON_EOF);
            }
            return result;
        },
        std::move(done));
}

void LibvirtClient::observe(ObserveDepth depth, std::function<void(Result<Observation>)> done)
{
    call_libvirt<Observation>(
        own_,
        [this, depth, catalog = catalog_](const VirtConnection& connection) {
            return observe_host(
                connection, *catalog, depth, [this] { worker_.note_progress(); }, guard_);
        },
        std::move(done));
}

void LibvirtClient::apply(std::vector<DomainActions> actions,
                          std::function<void(std::vector<Outcome>)> done)
{
    const auto shared = std::make_shared<const std::vector<DomainActions>>(std::move(actions));
    call_libvirt<std::vector<Outcome>>(
        own_,
        [this, shared, catalog = catalog_](const VirtConnection& connection) {
            std::vector<Outcome> outcomes;
            outcomes.reserve(shared->size());
            for (const auto& domain : *shared) {
                outcomes.push_back(apply_safely(connection, *catalog, store_, domain));
                worker_.note_progress(); // the watchdog is for a call that is stuck, not for many
            }
            return outcomes;
        },
        [shared, done = std::move(done)](Result<std::vector<Outcome>> outcomes) {
            done(outcomes ? std::move(*outcomes) : failed_outcomes(*shared, outcomes.error()));
        });
}

void LibvirtClient::read_guest(std::string xml, std::function<void(Result<ObservedDomain>)> done)
{
    run_job<ObservedDomain>(
        callers_, [xml = std::move(xml), catalog = catalog_] { return parse_guest(xml, *catalog); },
        std::move(done));
}

void LibvirtClient::preview_guest(std::string xml, DefinitionChange change,
                                  std::function<void(Result<DefinitionPreview>)> done)
{
    run_job<DefinitionPreview>(
        callers_,
        [xml = std::move(xml), change = std::move(change)] { return preview_edit(xml, change); },
        std::move(done));
}

void LibvirtClient::preview(DomainUuid uuid, DefinitionChange change, DefinitionScope scope,
                            std::function<void(Result<DefinitionPreview>)> done)
{
    call_libvirt<DefinitionPreview>(
        callers_,
        [uuid = std::move(uuid), change = std::move(change),
         scope](const VirtConnection& connection) {
            return preview_definition(connection, uuid, change, scope);
        },
        std::move(done));
}

void LibvirtClient::store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                                 std::function<void(Result<void>)> done)
{
    call_libvirt<void>(
        callers_,
        [uuid = std::move(uuid), policy = std::move(policy)](const VirtConnection& connection) {
            return write_policy(connection, uuid, policy);
        },
        std::move(done));
}

void LibvirtClient::save_before_image(BeforeImage image, std::function<void(Result<void>)> done)
{
    run_job<void>(
        own_, [this, image = std::move(image)] { return store_.save(image); }, std::move(done));
}

void LibvirtClient::forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                               std::function<void(Result<DomainUuid>)> done)
{
    run_job<DomainUuid>(
        own_, [this, uuids = std::move(uuids)] { return store_.forget_oldest(uuids); },
        std::move(done));
}

void LibvirtClient::forget_before_images(std::vector<DomainUuid> uuids,
                                         std::function<void(Result<void>)> done)
{
    run_job<void>(
        own_, [this, uuids = std::move(uuids)] { return store_.forget(uuids); }, std::move(done));
}

} // namespace virtpind
