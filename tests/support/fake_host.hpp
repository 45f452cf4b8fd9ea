// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt in memory: domains, pins and before-images as values, answers on demand, and every fault
// that can be asked for. Behind the same port as the real one.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {

class FakeHost final : public LibvirtPort {
public:
    // --- the world -------------------------------------------------------------------------
    std::map<DomainUuid, ObservedDomain> domains;
    std::map<DomainUuid, BeforeImage> images;
    std::size_t images_max = 100'000;       // then there is no room for one more
    std::vector<DomainUuid> images_by_age;  // written longest ago first, where that matters
    std::map<DomainUuid, std::string> busy; // with what libvirt is at work on them
    std::optional<ObservedDomain> guest;    // that a definition of a caller is read as
    std::optional<Error> observe_error;
    std::optional<Error> save_error;
    std::optional<Error> store_error;
    std::optional<Error> forget_error;
    // Refuses an action with an error when it returns one.
    std::function<std::optional<Error>(const DomainUuid&, const LiveAction&)> refuse;
    // What libvirt would turn back at once, as sentences: a change that nothing comes of.
    std::optional<std::vector<std::string>> differs;
    // Runs before each apply job, to change the world under it.
    std::function<void()> before_apply;
    std::function<void()> before_read_back;

    // --- what happened ---------------------------------------------------------------------
    int observations = 0;
    int forget_jobs = 0;
    int deep_looks = 0;
    std::vector<DomainActions> applied;

    ObservedDomain& add(int number, std::string name, std::uint32_t vcpus, std::optional<int> id)
    {
        ObservedDomain seen;
        seen.facts.uuid = uuid(number);
        seen.facts.name = std::move(name);
        seen.facts.vcpus_max = vcpus;
        seen.facts.vcpus_online = VcpuSet::range(0, vcpus - 1);
        seen.definition = {.pins = PinSet{}};
        auto& domain = domains[seen.facts.uuid] = std::move(seen);
        if (id) {
            start(domain, *id);
        }
        return domain;
    }

    static DomainUuid uuid(int number)
    {
        auto digits = std::to_string(number);
        return DomainUuid{"00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') +
                          digits};
    }

    static void start(ObservedDomain& domain, int id)
    {
        domain.facts.id = id;
        domain.facts.state = RunState::running;
        domain.running = {.pins = domain.definition->pins};
        domain.running->note = domain.definition_note();
        if (const auto& stored = domain.facts.metadata.content; stored && *stored) {
            domain.running->policy = **stored;
        }
    }

    static void stop(ObservedDomain& domain)
    {
        domain.facts.id.reset();
        domain.facts.state = RunState::shutoff;
        domain.running.reset();
    }

    // Answers until nothing is asked any more; returns how many answers were given.
    std::size_t answer_all(std::size_t limit = 1000)
    {
        std::size_t given = 0;
        while (!answers_.empty() && given < limit) {
            auto answer = std::move(answers_.front());
            answers_.pop_front();
            answer();
            ++given;
        }
        return given;
    }

    [[nodiscard]] bool asked() const { return !answers_.empty(); }

    // --- LibvirtPort --------------------------------------------------------------------------
    void observe(ObserveDepth depth, std::function<void(Result<Observation>)> done) override
    {
        ++observations;
        deep_looks += depth == ObserveDepth::affinities ? 1 : 0;
        answers_.emplace_back([this, done = std::move(done)] {
            if (observe_error) {
                done(*observe_error);
                return;
            }
            Observation seen;
            for (const auto& [uuid, domain] : domains) {
                seen.domains.push_back(domain);
            }
            done(std::move(seen));
        });
    }

    void apply(std::vector<DomainActions> actions,
               std::function<void(std::vector<Outcome>)> done) override
    {
        answers_.emplace_back([this, actions = std::move(actions), done = std::move(done)] {
            if (const auto change = before_apply) { // a copy: it may replace itself
                change();
            }
            std::vector<Outcome> outcomes;
            for (const auto& action : actions) {
                applied.push_back(action);
                outcomes.push_back(apply_one(action));
            }
            done(std::move(outcomes));
        });
    }

    // Whatever the text says, it is `guest`; without one, it is not readable.
    void read_guest(std::string xml, std::function<void(Result<ObservedDomain>)> done) override
    {
        answers_.emplace_back([this, xml = std::move(xml), done = std::move(done)] {
            if (!guest) {
                done(Error{.code = Errc::invalid_argument, .message = "not a domain XML: " + xml});
                return;
            }
            done(*guest);
        });
    }

    void preview_guest(std::string xml, DefinitionChange /*change*/,
                       std::function<void(Result<DefinitionPreview>)> done) override
    {
        answers_.emplace_back([xml = std::move(xml), done = std::move(done)] {
            done(DefinitionPreview{.now = xml + "\n", .next = xml + " pinned\n"});
        });
    }

    void preview(DomainUuid uuid, DefinitionChange /*change*/, DefinitionScope /*scope*/,
                 std::function<void(Result<DefinitionPreview>)> done) override
    {
        answers_.emplace_back([uuid, done = std::move(done)] {
            done(DefinitionPreview{.now = "<domain/>\n", .next = "<domain>" + uuid.str() + "\n"});
        });
    }

    void store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                      std::function<void(Result<void>)> done) override
    {
        answers_.emplace_back([this, uuid, policy = std::move(policy), done = std::move(done)] {
            if (store_error) {
                done(*store_error);
                return;
            }
            auto& domain = domains.at(uuid);
            auto& content = domain.facts.metadata.content;
            content.reset();
            if (policy) {
                content.emplace(*policy);
            }
            if (domain.running) {
                domain.running->policy = policy;
            }
            done({});
        });
    }

    void save_before_image(BeforeImage image, std::function<void(Result<void>)> done) override
    {
        answers_.emplace_back([this, image = std::move(image), done = std::move(done)] {
            if (!images.contains(image.uuid) && images.size() >= images_max) {
                done(Error{.code = Errc::limits_exceeded, .message = "too many before-images"});
                return;
            }
            if (save_error) {
                done(*save_error);
                return;
            }
            images[image.uuid] = image;
            done({});
        });
    }

    void forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                    std::function<void(Result<DomainUuid>)> done) override
    {
        answers_.emplace_back([this, uuids = std::move(uuids), done = std::move(done)] {
            const auto oldest = std::find_first_of(images_by_age.begin(), images_by_age.end(),
                                                   uuids.begin(), uuids.end());
            if (forget_error || oldest == images_by_age.end()) {
                done(forget_error.value_or(Error{.code = Errc::not_found, .message = "none"}));
                return;
            }
            const auto uuid = *oldest;
            images_by_age.erase(oldest);
            images.erase(uuid);
            done(uuid);
        });
    }

    void forget_before_images(std::vector<DomainUuid> uuids,
                              std::function<void(Result<void>)> done) override
    {
        ++forget_jobs;
        answers_.emplace_back([this, uuids = std::move(uuids), done = std::move(done)] {
            if (forget_error) {
                done(*forget_error);
                return;
            }
            for (const auto& uuid : uuids) {
                images.erase(uuid);
            }
            done({});
        });
    }

private:
    Outcome apply_one(const DomainActions& actions)
    {
        Outcome outcome{.uuid = actions.uuid, .name = actions.name, .id = actions.id};
        const auto at = domains.find(actions.uuid);
        if (at == domains.end() || at->second.facts.id != actions.id) {
            outcome.gone = true;
            return outcome;
        }
        if (const auto with = busy.find(actions.uuid); with != busy.end()) {
            outcome.busy = with->second;
            return outcome;
        }
        auto& domain = at->second;
        if (actions.live_note && !actions.live_note->empty()) {
            domain.running->note = *actions.live_note;
        }
        for (const auto& action : actions.live) {
            if (auto error = refuse ? refuse(actions.uuid, action) : std::nullopt) {
                outcome.errors.push_back(std::move(*error));
                continue;
            }
            change_live(domain, action);
            ++outcome.applied;
        }
        if (actions.definition && actions.definition->planned_on &&
            *actions.definition->planned_on != parts_of(domain)) {
            outcome.edited = true;
            return outcome;
        }
        if (actions.definition && differs) {
            outcome.idle = actions.definition;
            outcome.not_kept = *differs;
        } else if (actions.definition) {
            const auto now = domain;
            change_definition(domain.definition->pins, *actions.definition);
            if (actions.before) {
                auto& image = images.at(actions.uuid);
                image.absorb_foreign_edits(now, pin_parts(domain.definition->pins));
                image.note_written(pin_parts(now.definition->pins),
                                   pin_parts(domain.definition->pins));
                outcome.before = image;
                domain.definition->note = kept(note_of(image, pin_parts(domain.definition->pins)));
            } else if (actions.definition->note == DefinitionChange::Note::remove) {
                domain.definition->note.reset();
            }
            ++outcome.applied;
        }
        if (outcome.errors.empty() && domain.running) {
            domain.running->note = actions.live_note && actions.live_note->empty()
                                       ? std::nullopt
                                       : domain.running_note();
            domain.running->has_policy = domain.running->has_policy && !actions.drop_live_policy;
        }
        if (const auto change = before_read_back) {
            change();
        }
        if (domain.facts.id != actions.id) {
            outcome.gone = true;
            return outcome;
        }
        if (actions.show_live_policy && domain.running) {
            domain.running->policy = actions.show_live_policy;
        }
        outcome.not_reverted = actions.not_reverted;
        outcome.after = domain;
        return outcome;
    }

    static std::optional<UndoNote> kept(const UndoNote& note)
    {
        return note.empty() ? std::nullopt : std::optional{note};
    }

    static void change_live(ObservedDomain& domain, const LiveAction& action)
    {
        if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
            domain.running->pins.vcpus[vcpu->vcpu] = vcpu->cpus;
        } else if (const auto* emulator = std::get_if<PinEmulator>(&action)) {
            domain.running->pins.emulator = emulator->cpus;
        } else if (const auto* iothread = std::get_if<PinIothread>(&action)) {
            domain.running->pins.iothreads[iothread->iothread] = iothread->cpus;
        } else if (const auto* numa = std::get_if<SetNuma>(&action)) {
            domain.running->pins.numatune = numa->numatune;
        } else if (const auto* plug = std::get_if<PlugVcpu>(&action)) {
            domain.facts.vcpus_online.insert(plug->vcpu);
            domain.facts.vcpus_pluggable.insert(plug->vcpu);
        } else {
            domain.facts.vcpus_online.erase(std::get<UnplugVcpu>(action).vcpu);
        }
    }

    static void change_definition(PinSet& config, const DefinitionChange& change)
    {
        if (change.mode == DefinitionChange::Mode::replace) {
            config = change.pins;
            return;
        }
        for (const auto& [id, cpus] : change.pins.vcpus) {
            config.vcpus[id] = cpus;
        }
        for (const auto& [id, cpus] : change.pins.iothreads) {
            config.iothreads[id] = cpus;
        }
        if (change.pins.emulator) {
            config.emulator = change.pins.emulator;
        }
        if (change.pins.numatune) {
            config.numatune = change.pins.numatune;
        }
    }

    std::deque<std::function<void()>> answers_;
};

} // namespace virtpind::test
