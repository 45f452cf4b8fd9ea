// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the user of a unique bus name. Messages do not have it; the bus does, and it is asked once
// per connection, without waiting. A unique name belongs to one user while the bus lives, so an
// answer is valid until the name has left the bus. Main thread.
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtpind::bus {

struct SlotUnref {
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};

using SlotPtr = std::unique_ptr<sd_bus_slot, SlotUnref>;

class Users {
public:
    // The user; nullopt: the bus does not know it.
    using Learnt = std::function<void(std::optional<uid_t>)>;

    // The number of remembered names; the oldest by name goes first. The system bus has 2,048
    // connections.
    static constexpr std::size_t known_max = 4096;
    // The number of lookups under way; the bus lets one connection wait for 128 replies, including
    // those of polkit.
    static constexpr std::size_t lookups_max = 32;

    // The bus must outlive this.
    explicit Users(sd_bus* bus) : bus_{bus} {}

    Users(const Users&) = delete;
    Users& operator=(const Users&) = delete;

    [[nodiscard]] std::optional<uid_t> find(const std::string& name) const;

    // `learnt` is called later, once; only the first question about a name needs it. It must not
    // throw. It is not called if this is destroyed first, or the name forgotten.
    void ask(const std::string& name, Learnt learnt);

    // The name has left the bus.
    void forget(const std::string& name);

private:
    struct Question {
        Users* users = nullptr;
        std::string name;
        Learnt learnt; // empty: forgotten meanwhile
        SlotPtr slot;
    };

    static int on_answer(sd_bus_message* answer, void* question, sd_bus_error* error) noexcept;
    void ask_next();
    void finish_lookup(const std::string& name, std::optional<uid_t> user);

    sd_bus* bus_;
    std::map<std::string, uid_t> known_;
    std::deque<std::string> to_ask_;
    std::map<std::string, Question> lookups_; // asked, and to ask
    std::size_t under_way_ = 0;
};

} // namespace virtpind::bus
