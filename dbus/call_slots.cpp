// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/call_slots.hpp"

#include <utility>

namespace virtpind::bus {

namespace {

bool has_room(const CallSlots::Load& load, const CallSlots::Load& most, std::size_t bytes)
{
    return load.calls < most.calls && load.bytes + bytes <= most.bytes;
}

void enter(CallSlots::Load& load, std::size_t bytes)
{
    ++load.calls;
    load.bytes += bytes;
}

void leave(CallSlots::Load& load, std::size_t bytes)
{
    --load.calls;
    load.bytes -= bytes;
}

// Nothing of what has left stays in the books.
template <class Key>
void leave(std::map<Key, CallSlots::Load>& loads, const Key& key, std::size_t bytes)
{
    const auto load = loads.find(key);
    leave(load->second, bytes);
    if (load->second.calls == 0) {
        loads.erase(load);
    }
}

template <class Key>
CallSlots::Load load_of(const std::map<Key, CallSlots::Load>& loads, const Key& key)
{
    const auto load = loads.find(key);
    return load == loads.end() ? CallSlots::Load{} : load->second;
}

Error refused(std::size_t open, const std::string& whose)
{
    return {.code = Errc::limits_exceeded,
            .message = std::to_string(open) + " calls " + whose +
                       " are open already; wait for their replies"};
}

} // namespace

struct CallSlots::Books {
    bool (*own_share)(uid_t) = nullptr;
    std::map<std::string, Load> connections;
    std::map<std::optional<uid_t>, Load> users;
    std::map<std::optional<uid_t>, Load> unheard;
    Load in_all; // of users without a share of their own

    [[nodiscard]] bool is_apart(const std::optional<uid_t>& user) const
    {
        return user && own_share(*user);
    }

    [[nodiscard]] bool is_full_of_unheard(const std::optional<uid_t>& user,
                                          const std::string& sender) const
    {
        return !is_apart(user) && connections.contains(sender) &&
               load_of(unheard, user).calls >= unheard_max;
    }

    [[nodiscard]] Result<void> check(const Call& call) const
    {
        const auto of_connection = load_of(connections, call.sender);
        if (of_connection.calls >= per_connection_max) {
            return refused(of_connection.calls, "of yours");
        }
        if (!call.expects_answer && is_full_of_unheard(call.user, call.sender)) {
            return refused(unheard_max, "that expect no reply");
        }
        if (of_connection.calls == 0 && call.bytes <= small_bytes) {
            return {};
        }
        // Of users who are not known yet there may be many.
        const auto of_user = load_of(users, call.user);
        if (!has_room(of_user, call.user ? per_user_max : in_all_max, call.bytes)) {
            return refused(of_user.calls, call.user ? "of your user" : "of unidentified users");
        }
        if (call.user && !is_apart(call.user) && !has_room(in_all, in_all_max, call.bytes)) {
            return refused(in_all.calls, "of all users");
        }
        return {};
    }

    void take(const Call& call)
    {
        enter(connections[call.sender], call.bytes);
        enter(users[call.user], call.bytes);
        if (!call.expects_answer) {
            enter(unheard[call.user], call.bytes);
        }
        if (call.user && !is_apart(call.user)) {
            enter(in_all, call.bytes);
        }
    }

    void give_back(const Call& call)
    {
        leave(connections, call.sender, call.bytes);
        leave(users, call.user, call.bytes);
        if (!call.expects_answer) {
            leave(unheard, call.user, call.bytes);
        }
        if (call.user && !is_apart(call.user)) {
            leave(in_all, call.bytes);
        }
    }
};

CallSlots::CallSlots(bool (*own_share)(uid_t)) : books_{std::make_shared<Books>()}
{
    books_->own_share = own_share;
}

Result<CallSlots::Place> CallSlots::take(const Call& call)
{
    if (auto fits = books_->check(call); !fits) {
        return std::move(fits).error();
    }

    struct Taken {
        std::shared_ptr<Books> books;
        Call call;

        Taken(std::shared_ptr<Books> in, Call taken) : books{std::move(in)}, call{std::move(taken)}
        {
            books->take(call);
        }

        ~Taken() { books->give_back(call); }

        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;
    };

    return Place{std::make_shared<const Taken>(books_, call)};
}

bool CallSlots::is_full_of_unheard(const std::optional<uid_t>& user,
                                   const std::string& sender) const
{
    return books_->is_full_of_unheard(user, sender);
}

} // namespace virtpind::bus
