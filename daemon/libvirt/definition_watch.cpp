// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition_watch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

namespace {

constexpr std::chrono::seconds event_max{2};
// Nothing has it: removing it changes nothing, and is an event.
constexpr const char* nothing = "https://virtpind.org/nothing";
// More than so many in the time of one write are somebody's game, and nothing is raised by us then.
constexpr std::size_t events_max = 64;

bool defines(DefinitionEvent event)
{
    return event != DefinitionEvent::removed;
}

std::optional<DefinitionEvent> event_of(int event, int detail)
{
    if (event == VIR_DOMAIN_EVENT_DEFINED && detail == VIR_DOMAIN_EVENT_DEFINED_ADDED) {
        return DefinitionEvent::added;
    }
    if (event == VIR_DOMAIN_EVENT_DEFINED && detail == VIR_DOMAIN_EVENT_DEFINED_UPDATED) {
        return DefinitionEvent::updated;
    }
    if (event == VIR_DOMAIN_EVENT_UNDEFINED && detail == VIR_DOMAIN_EVENT_UNDEFINED_REMOVED) {
        return DefinitionEvent::removed;
    }
    return std::nullopt;
}

} // namespace

bool is_raised(const std::vector<DefinitionEvent>& heard)
{
    const auto first = std::find_if(heard.begin(), heard.end(), defines);
    if (first == heard.end() || heard.size() >= events_max ||
        (first == heard.begin() && *first == DefinitionEvent::updated)) {
        return false;
    }
    const auto last_removed = std::find(heard.rbegin(), heard.rend(), DefinitionEvent::removed);
    return std::count_if(heard.rbegin(), last_removed, defines) == 1;
}

struct DefinitionWatch::State {
    std::mutex mutex;
    std::condition_variable came;
    std::string uuid;                   // guarded by mutex
    std::vector<DefinitionEvent> heard; // guarded by mutex
    bool heard_nothing = false;         // guarded by mutex: the event that we caused
    bool is_mute = false;               // of the thread that waits: no event ever came

    // What one thread makes or has used reaches the next by these. libvirt's own lock does as
    // much, but a thread sanitizer does not see that.
    static inline std::atomic<unsigned> handovers{0};

    static void hand_over() { handovers.fetch_add(1, std::memory_order_release); }

    static std::shared_ptr<State>* take(void* opaque)
    {
        handovers.load(std::memory_order_acquire);
        return static_cast<std::shared_ptr<State>*>(opaque);
    }

    // These run on libvirt's thread.
    template <class Note>
    static void on_event(virDomainPtr domain, void* opaque, Note note)
    {
        std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
        if (virDomainGetUUIDString(domain, uuid.data()) != 0) {
            return;
        }
        auto& state = **take(opaque);
        {
            const std::lock_guard lock{state.mutex};
            if (state.uuid == uuid.data()) {
                note(state);
                state.came.notify_all();
            }
        }
        hand_over();
    }

    static int on_lifecycle(virConnectPtr /*connection*/, virDomainPtr domain, int event,
                            int detail, void* opaque)
    {
        if (const auto what = event_of(event, detail)) {
            on_event(domain, opaque, [&what](State& state) {
                if (state.heard.size() < events_max) {
                    state.heard.push_back(*what);
                }
            });
        }
        return 0;
    }

    static void on_metadata(virConnectPtr /*connection*/, virDomainPtr domain, int /*type*/,
                            const char* where, void* opaque)
    {
        if (where != nullptr && where == std::string_view{nothing}) {
            on_event(domain, opaque, [](State& state) { state.heard_nothing = true; });
        }
    }

    static void release(void* opaque) { delete take(opaque); }
};

DefinitionWatch::DefinitionWatch(virConnectPtr connection)
    : connection_{connection}, state_{std::make_shared<State>()}
{
    const auto listen = [this](int event, virConnectDomainEventGenericCallback callback) {
        auto* shared = new std::shared_ptr<State>{state_}; // libvirt's, until it releases it
        State::hand_over();
        const auto id = virConnectDomainEventRegisterAny(connection_, nullptr, event, callback,
                                                         shared, &State::release);
        if (id < 0) {
            State::release(shared);
        } else {
            callbacks_.push_back(id);
        }
    };
    listen(VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(&State::on_lifecycle));
    listen(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(&State::on_metadata));
}

DefinitionWatch::~DefinitionWatch()
{
    for (const auto callback : callbacks_) {
        virConnectDomainEventDeregisterAny(connection_, callback);
    }
}

void DefinitionWatch::begin(const DomainUuid& uuid)
{
    const std::lock_guard lock{state_->mutex};
    state_->uuid = uuid.str();
    state_->heard.clear();
    state_->heard_nothing = false;
}

bool DefinitionWatch::heard_others() const
{
    const std::lock_guard lock{state_->mutex};
    return std::count_if(state_->heard.begin(), state_->heard.end(), defines) > 1;
}

Result<bool> DefinitionWatch::has_raised(virDomainPtr domain)
{
    if (callbacks_.size() < 2 || state_->is_mute) {
        return false;
    }
    std::unique_lock lock{state_->mutex};
    const auto& heard = state_->heard;
    if (!state_->came.wait_for(lock, event_max, [&heard] {
            return std::any_of(heard.begin(), heard.end(), defines);
        })) {
        state_->is_mute = true;
        return false;
    }
    if (!is_raised(heard)) {
        return false;
    }
    lock.unlock();
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, nullptr, "virtpind", nothing,
                             VIR_DOMAIN_AFFECT_CONFIG) < 0) {
        return false; // it is gone again
    }
    lock.lock();
    if (!state_->came.wait_for(lock, event_max, [this] { return state_->heard_nothing; })) {
        return Error{.code = Errc::timed_out, .message = "libvirt's events do not come"};
    }
    return is_raised(heard);
}

} // namespace virtpind
