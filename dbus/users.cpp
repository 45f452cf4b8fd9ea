// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/users.hpp"

#include "dbus/boundary.hpp"
#include "dbus/names.hpp"

#include <cstdint>
#include <utility>

namespace virtpind::bus {

std::optional<uid_t> Users::find(const std::string& name) const
{
    const auto known = known_.find(name);
    return known == known_.end() ? std::nullopt : std::optional{known->second};
}

void Users::ask(const std::string& name, Learnt learnt)
{
    auto& question = lookups_[name];
    question.learnt = std::move(learnt);
    if (question.users == nullptr) {
        question.users = this;
        question.name = name;
        to_ask_.push_back(name);
    }
    ask_next();
}

void Users::ask_next()
{
    while (under_way_ < lookups_max && !to_ask_.empty()) {
        const auto name = std::exchange(to_ask_.front(), {});
        to_ask_.pop_front();
        const auto question = lookups_.find(name);
        if (question == lookups_.end()) {
            continue; // it has left
        }
        sd_bus_slot* slot = nullptr;
        const int r = sd_bus_call_method_async(bus_, &slot, driver_name, driver_path, driver_name,
                                               "GetConnectionUnixUser", on_answer,
                                               &question->second, "s", name.c_str());
        if (r < 0) {
            finish_lookup(name, std::nullopt); // the bus is gone; the loop ends by itself
            continue;
        }
        question->second.slot.reset(slot);
        ++under_way_;
    }
}

int Users::on_answer(sd_bus_message* answer, void* question, sd_bus_error* /*error*/) noexcept
{
    contained([&] {
        auto& asked = *static_cast<Question*>(question);
        auto& users = *asked.users;
        const auto name = asked.name;
        std::uint32_t uid = 0;
        const auto said = sd_bus_message_is_method_error(answer, nullptr) == 0 &&
                          sd_bus_message_read_basic(answer, 'u', &uid) > 0;
        --users.under_way_;
        users.finish_lookup(name, said ? std::optional<uid_t>{uid} : std::nullopt);
        users.ask_next();
    });
    return 1;
}

void Users::finish_lookup(const std::string& name, std::optional<uid_t> user)
{
    const auto question = lookups_.extract(name);
    const auto& learnt = question.mapped().learnt;
    if (!learnt) {
        return; // a name that has left is not remembered
    }
    if (user) {
        if (known_.size() >= known_max) {
            known_.erase(known_.begin()); // it can be asked again
        }
        known_.emplace(name, *user);
    }
    learnt(user);
}

void Users::forget(const std::string& name)
{
    known_.erase(name);
    const auto question = lookups_.find(name);
    if (question == lookups_.end()) {
        return;
    }
    if (question->second.slot) {
        question->second.learnt = nullptr; // its answer is still to come
    } else {
        lookups_.erase(question);
    }
}

} // namespace virtpind::bus
