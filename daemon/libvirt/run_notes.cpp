// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run_notes.hpp"

#include "common/base/printable.hpp"
#include "common/model/undo_content.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/policy_xml.hpp"
#include "definition_calls.hpp"
#include "observer.hpp"
#include "policy_calls.hpp"

#include <utility>
#include <vector>

namespace virtpind {

namespace {

// What libvirt refuses of the metadata is no reason to leave the rest undone: the before-image on
// disk says the same.
Next check_metadata(virDomainPtr domain, const DomainActions& actions, Outcome& outcome,
                    Result<void> written)
{
    return written ? Next::go_on
                   : note_failure(outcome, domain, std::move(written).error(),
                                  "change the metadata of " + printable(actions.name));
}

Result<ObservedDomain> read_domain(virDomainPtr domain, unsigned flags, XmlKind kind)
{
    const auto text = read_xml(domain, flags);
    return text ? parse_domain_xml(*text, PolicyCatalog{}, kind) : text.error();
}

// It was restarted while the note of its former run, or pins for that, were on the way: this run
// has what its definition has, as every run that has just begun, and what of `pins` has landed.
void note_new_run(virDomainPtr domain, const std::vector<LiveAction>& pins)
{
    UndoNote note;
    if (virDomainIsPersistent(domain) == 1) {
        const auto defined = read_domain(domain, VIR_DOMAIN_XML_INACTIVE, XmlKind::config);
        const auto run = read_domain(domain, 0, XmlKind::live);
        if (!defined || !defined->definition || !run || !run->running) {
            return;
        }
        note = note_of_new_run(*defined, run->running->pins, pins);
    }
    [[maybe_unused]] const auto written = write_note(domain, note, VIR_DOMAIN_AFFECT_LIVE);
}

} // namespace

Next note_run(const VirtConnection& connection, virDomainPtr domain, const DomainActions& actions,
              Outcome& outcome)
{
    if (!actions.live_note || actions.live_note->empty()) {
        return Next::go_on;
    }
    auto written = write_note(domain, *actions.live_note, VIR_DOMAIN_AFFECT_LIVE);
    const auto again = look_up(connection, actions.uuid);
    if (again && id_of(again->get()) != actions.id) {
        if (written && id_of(again->get())) {
            note_new_run(again->get(), {});
        }
        outcome.gone = true;
        return Next::stop;
    }
    // A pin that its run's note does not name is its owner's, for whoever reads that.
    const auto refused = !written;
    const auto next = check_metadata(domain, actions, outcome, std::move(written));
    return refused ? Next::stop : next;
}

Next note_other_run(const VirtConnection& connection, const DomainActions& actions,
                    Outcome& outcome)
{
    if (actions.live.empty()) {
        return Next::go_on;
    }
    const auto again = look_up(connection, actions.uuid);
    if (!again || id_of(again->get()) == actions.id) {
        return Next::go_on;
    }
    if (id_of(again->get())) {
        note_new_run(again->get(), actions.live);
    }
    outcome.gone = true;
    return Next::stop;
}

Next forget_run(const VirtConnection& connection, virDomainPtr domain, const DomainActions& actions,
                Outcome& outcome)
{
    const auto speaks = actions.live_note || actions.show_live_policy || actions.drop_live_policy;
    if (!outcome.errors.empty() || !speaks) {
        return Next::go_on;
    }
    // Another run, begun while the definition still had our pins, has them and must keep its note.
    if (const auto again = look_up(connection, actions.uuid);
        again && id_of(again->get()) != actions.id) {
        outcome.gone = true;
        return Next::stop;
    }
    if (actions.live_note && actions.live_note->empty() &&
        check_metadata(domain, actions, outcome, write_note(domain, {}, VIR_DOMAIN_AFFECT_LIVE)) ==
            Next::stop) {
        return Next::stop;
    }
    if (actions.show_live_policy &&
        check_metadata(domain, actions, outcome,
                       set_policy_element(domain, format_policy_element(*actions.show_live_policy),
                                          VIR_DOMAIN_AFFECT_LIVE)) == Next::stop) {
        return Next::stop;
    }
    return actions.drop_live_policy
               ? check_metadata(domain, actions, outcome,
                                set_policy_element(domain, std::nullopt, VIR_DOMAIN_AFFECT_LIVE))
               : Next::go_on;
}

} // namespace virtpind
