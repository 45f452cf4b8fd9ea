// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/valid.hpp"

#include <initializer_list>
#include <utility>

namespace virtpind::bus {

namespace {

void make_valid(std::initializer_list<std::string*> texts)
{
    for (auto* text : texts) {
        *text = valid_text(*text);
    }
}

void make_valid(std::vector<HoldView>& holds)
{
    for (auto& hold : holds) {
        make_valid({&hold.owner, &hold.reason});
    }
}

} // namespace

std::vector<std::string> valid(std::vector<std::string> texts)
{
    for (auto& text : texts) {
        text = valid_text(text);
    }
    return texts;
}

ManagerView valid(ManagerView view)
{
    make_valid({&view.version, &view.state, &view.libvirt_uri, &view.default_policy});
    view.policies = valid(std::move(view.policies));
    for (auto& problem : view.problems) {
        make_valid({&problem.code, &problem.text});
    }
    make_valid(view.holds);
    return view;
}

DomainView valid(DomainView view)
{
    make_valid({&view.name, &view.run_state, &view.policy, &view.policy_source,
                &view.last_error.first, &view.last_error.second, &view.shortfall.first,
                &view.shortfall.second, &view.placement});
    for (auto& own : view.own_policies) {
        make_valid({&own.policy});
    }
    make_valid(view.holds);
    view.displaced = valid(std::move(view.displaced));
    view.displaced_by = valid(std::move(view.displaced_by));
    return view;
}

} // namespace virtpind::bus
