// SPDX-License-Identifier: LGPL-2.1-or-later
#include "actuator.hpp"

#include "common/base/printable.hpp"
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"
#include "domain_calls.hpp"
#include "domain_jobs.hpp"
#include "observer.hpp"
#include "pin_calls.hpp"
#include "run_notes.hpp"
#include "verify.hpp"

#include <chrono>
#include <iterator>

namespace virtpind {

namespace {

// Whether an action has become useless, or harmful, by what came of those before it.
bool is_pointless(const LiveAction& action, const VcpuSet& unpinned, Outcome& outcome)
{
    if (const auto* plug = std::get_if<PlugVcpu>(&action)) {
        return unpinned.contains(plug->vcpu);
    }
    // Each further one would take as long to be refused.
    if (const auto* unplug = std::get_if<UnplugVcpu>(&action);
        unplug != nullptr && !outcome.kept_plugged.empty()) {
        outcome.kept_plugged.insert(unplug->vcpu);
        return true;
    }
    return false;
}

Next apply_live(const VirtConnection& connection, virDomainPtr domain, const DomainActions& actions,
                JobWatch& jobs, Outcome& outcome)
{
    VcpuSet unpinned;
    for (const auto& action : actions.live) {
        if (is_pointless(action, unpinned, outcome)) {
            continue;
        }
        if (jobs.check(outcome) == Next::stop) {
            return Next::stop;
        }
        const auto began = std::chrono::steady_clock::now();
        auto called = call_live(connection, domain, action);
        const auto took = std::chrono::steady_clock::now() - began;
        if (const auto* pin = std::get_if<PinVcpu>(&action); pin != nullptr && !called) {
            unpinned.insert(pin->vcpu);
        }
        const auto* unplug = std::get_if<UnplugVcpu>(&action);
        if (called) {
            ++outcome.applied;
        } else if (unplug != nullptr && is_guest_refusal(called.error(), took) &&
                   !is_unresponsive(domain) && !is_gone(called.error(), domain, outcome.id)) {
            outcome.kept_plugged.insert(unplug->vcpu);
        } else if (note_failure(outcome, domain, std::move(called).error(),
                                describe(action) + " for " + printable(actions.name)) ==
                   Next::stop) {
            return Next::stop;
        }
    }
    return Next::go_on;
}

// Also what failed half-way may have landed in another run.
Next apply_and_note_live(const VirtConnection& connection, virDomainPtr domain,
                         const DomainActions& actions, JobWatch& jobs, Outcome& outcome)
{
    const auto applied = apply_live(connection, domain, actions, jobs, outcome);
    const auto noted = note_other_run(connection, actions, outcome);
    return applied == Next::go_on ? noted : applied;
}

Next apply_definition(const VirtConnection& connection, virDomainPtr domain,
                      const DomainActions& actions, const NoteDefinition& note, Outcome& outcome)
{
    if (!actions.definition) {
        return Next::go_on;
    }
    auto changed =
        change_definition(connection, domain, *actions.definition, actions.last_write, note);
    if (!changed) {
        return note_failure(outcome, domain, std::move(changed).error(),
                            "change the definition of " + printable(actions.name));
    }
    switch (changed->what) {
    case DefinitionOutcome::What::edited:
        outcome.edited = true;
        return Next::stop;
    case DefinitionOutcome::What::gone:
        outcome.gone = true;
        return Next::stop;
    case DefinitionOutcome::What::unchanged:
        outcome.idle = *actions.definition;
        break;
    case DefinitionOutcome::What::written:
        ++outcome.applied;
        outcome.write = {.meant = std::move(changed->meant), .made = {}, .whole = changed->whole};
        break;
    }
    return Next::go_on;
}

void read_back(const VirtConnection& connection, virDomainPtr domain, const PolicyCatalog& catalog,
               const DomainActions& actions, Outcome& outcome)
{
    auto observed = observe_domain(connection, domain, catalog, ObserveDepth::affinities,
                                   {.state = actions.state, .persistent = actions.persistent});
    if (!observed) {
        outcome.errors.push_back(
            std::move(observed).error().failed_to("read back " + printable(actions.name)));
        return;
    }
    if (!*observed || (*observed)->facts.id != actions.id) {
        outcome.gone = true;
        return;
    }
    if (!(*observed)->running && !(*observed)->definition) {
        const auto& why = (*observed)->facts.metadata.content;
        outcome.errors.push_back(why && !*why ? why->error() : no_answer(domain));
        return;
    }
    outcome.after = std::move(**observed);
    outcome.differs = live_differences(actions, *outcome.after);
    auto defined = definition_differences(actions, *outcome.after);
    auto& sentences = outcome.idle ? outcome.not_kept : outcome.differs;
    sentences.insert(sentences.end(), std::make_move_iterator(defined.begin()),
                     std::make_move_iterator(defined.end()));
    if (outcome.write) {
        outcome.write->made = parts_of(*outcome.after);
    }
    if (outcome.write && outcome.write->whole && outcome.differs.empty() &&
        connection.watch().heard_others()) {
        outcome.remarks.emplace_back("somebody else defined it at the same moment, and what they "
                                     "wrote may be lost: compare its definition");
    }
}

// libvirt adds elements of its own to what it is given, and writes ours in its own way: those are
// ours, too. What else differs by now is somebody else's.
DefinitionParts what_came_of(const DefinitionParts& was, DefinitionParts meant,
                             const DefinitionParts& is)
{
    const auto changed = [&](const std::string& part) {
        const auto before = was.find(part);
        const auto after = meant.find(part);
        return before == was.end() || after == meant.end() || before->second != after->second;
    };
    for (const auto& [part, value] : is) {
        if (changed(part)) {
            meant[part] = value;
        }
    }
    std::erase_if(
        meant, [&](const auto& part) { return is.count(part.first) == 0 && changed(part.first); });
    return meant;
}

// libvirt may have written something in its own way: the note says so, too; of a domain that
// libvirt is at work on, after the next pass.
void correct_note(const VirtConnection& connection, const DomainUuid& uuid, const UndoNote& note,
                  Outcome& outcome)
{
    const auto domain = look_up(connection, uuid);
    if (domain && outcome.id && !busy_with(domain->get()).empty()) {
        return;
    }
    const auto written = domain ? write_note(domain->get(), note, VIR_DOMAIN_AFFECT_CONFIG)
                                : Result<void>{domain.error()};
    if (!written) {
        outcome.errors.push_back(written.error());
        return;
    }
    if (outcome.after->definition) {
        outcome.after->definition->note = note;
    }
}

} // namespace

Outcome apply_actions(const VirtConnection& connection, const PolicyCatalog& catalog,
                      const DomainActions& actions, const NoteDefinition& note)
{
    Outcome outcome{.uuid = actions.uuid, .name = actions.name, .id = actions.id};
    outcome.not_reverted = actions.not_reverted;
    auto domain = look_up(connection, actions.uuid);
    if (!domain) {
        outcome.gone = domain.error().code == Errc::not_found;
        if (!outcome.gone) {
            outcome.errors.push_back(
                std::move(domain).error().failed_to("look up " + printable(actions.name)));
        }
        return outcome;
    }
    if (id_of(domain->get()) != actions.id) {
        outcome.gone = true;
        return outcome;
    }
    if (actions.id && is_unresponsive(domain->get())) {
        outcome.errors.push_back(no_answer(domain->get()));
        outcome.errors.back().message += " and it is tried again";
        return outcome;
    }
    JobWatch jobs{domain->get()};
    if (jobs.check(outcome) == Next::go_on &&
        note_run(connection, domain->get(), actions, outcome) == Next::go_on &&
        apply_and_note_live(connection, domain->get(), actions, jobs, outcome) == Next::go_on &&
        jobs.check(outcome) == Next::go_on &&
        apply_definition(connection, domain->get(), actions, note, outcome) == Next::go_on &&
        jobs.check(outcome) == Next::go_on &&
        forget_run(connection, domain->get(), actions, outcome) == Next::go_on) {
        read_back(connection, domain->get(), catalog, actions, outcome);
    }
    return outcome;
}

Outcome apply_with_undo_log(const VirtConnection& connection, const PolicyCatalog& catalog,
                            StateStore& store, const DomainActions& actions)
{
    if (!actions.before) {
        return apply_actions(connection, catalog, actions, [](const auto&, const auto&) {
            return Result<std::optional<UndoNote>>{std::nullopt};
        });
    }
    auto image = *actions.before;
    std::optional<DefinitionParts> was;
    DefinitionParts meant;
    const auto note = [&](const ObservedDomain& now,
                          const DefinitionParts& next) -> Result<std::optional<UndoNote>> {
        image.absorb_foreign_edits(now, next);
        image.note_written(parts_of(now), next);
        if (auto saved = store.save(image); !saved) {
            return std::move(saved).error();
        }
        was = parts_of(now);
        meant = next;
        return std::optional{note_of(image, next)};
    };
    auto outcome = apply_actions(connection, catalog, actions, note);
    if (was && outcome.after && outcome.after->defined_cpus()) {
        const auto made = what_came_of(*was, meant, outcome.after->defined_cpus()->parts);
        if (made != meant) {
            image.note_written(*was, made);
            if (auto saved = store.save(image); !saved) {
                outcome.errors.push_back(std::move(saved).error());
            }
        }
    }
    if (was && outcome.after) {
        const auto noted = note_of(image, parts_of(*outcome.after));
        if (!covers(outcome.after->definition_note(), noted)) {
            correct_note(connection, actions.uuid, noted, outcome);
        }
    }
    if (was) {
        outcome.before = std::move(image);
    }
    return outcome;
}

} // namespace virtpind
