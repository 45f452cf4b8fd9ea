// SPDX-License-Identifier: LGPL-2.1-or-later
// What the checks of one plan have in common: which domain they are at, what they found, and what
// they need to know of the other domains. None of it uses the planner's own code.
#pragma once

#include "broken_rule.hpp"
#include "common/model/plan_request.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

class CheckContext {
public:
    // Both outlive this. Precondition of look_at(): one plan per intent.
    CheckContext(const PlanRequest& request, const Plan& plan) : request_{request}, plan_{plan} {}

    [[nodiscard]] const PlanRequest& request() const { return request_; }

    [[nodiscard]] const Plan& plan() const { return plan_; }

    // Problems from here on are those of this domain, and so is an exception.
    void look_at(std::size_t domain);

    // Precondition of these two: look_at() was called.
    [[nodiscard]] const Intent& intent() const { return *intent_; }

    [[nodiscard]] const DomainPlan& domain() const { return *domain_; }

    // Notes a broken rule unless it holds.
    void expect(bool holds, const std::string& what);

    // Whether the plan of the domain that is looked at pins every vCPU that is online.
    [[nodiscard]] bool has_all_pins() const;

    // They have a device in common, and one of them is shut off.
    [[nodiscard]] static bool never_together(const Intent& a, const Intent& b);

    // Whether there is another domain that the one at this position can never run together with.
    [[nodiscard]] bool has_rivals(std::size_t at) const;

    // The nodes that are as near to what is attached to any of `nodes`, these included: where each
    // L3 is called a node, those of one package at a distance of at most 11.
    [[nodiscard]] NodeSet near(const NodeSet& nodes) const;

    // Where the memory of `nodes` is: that of a node without any is that of the first near one with
    // some.
    [[nodiscard]] NodeSet memory_homes(const NodeSet& nodes) const;

    // These, and the nodes whose memory is on one of them.
    [[nodiscard]] NodeSet with_borrowers(const NodeSet& nodes) const;

    // CPUs where threads may float: not isolated, if there are others.
    [[nodiscard]] CpuSet floatable(const CpuSet& cpus) const;

    // What housekeeping keeps while the domain that is looked at runs.
    [[nodiscard]] const CpuSet& housekeeping() const;
    // The pool while it runs if no domain claimed anything.
    [[nodiscard]] CpuSet pool_of_all() const;

    // The pool as it is for the domain that is looked at: with what those claim that it never runs
    // together with.
    [[nodiscard]] CpuSet own_pool() const;

    [[nodiscard]] std::vector<BrokenRule> take() && { return std::move(broken_); }

private:
    const PlanRequest& request_;
    const Plan& plan_;
    const Intent* intent_ = nullptr;
    const DomainPlan* domain_ = nullptr;
    std::vector<BrokenRule> broken_;
};

} // namespace virtpind
