// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/call_limits.hpp"

#include "common/base/printable.hpp"
#include "dbus/arguments.hpp"
#include "dbus/options.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace virtpind::bus {

namespace {

// Methods of libsystemd's own, which read. Not Properties.Set: no property can be set, which
// libsystemd says at once.
constexpr MethodAccess library_methods[] = {
    {"org.freedesktop.DBus.Introspectable.Introspect", Access::open, "", ""},
    {"org.freedesktop.DBus.ObjectManager.GetManagedObjects", Access::open, "", ""},
    {"org.freedesktop.DBus.Peer.GetMachineId", Access::open, "", ""},
    {"org.freedesktop.DBus.Peer.Ping", Access::open, "", ""},
    {"org.freedesktop.DBus.Properties.Get", Access::open, "ss", "interface property"},
    {"org.freedesktop.DBus.Properties.GetAll", Access::open, "s", "interface"},
};

const MethodAccess* find_method(std::string_view name)
{
    static const auto all = [] {
        std::map<std::string_view, const MethodAccess*> table;
        for (const auto& method : access_table()) {
            table.emplace(method.method, &method);
        }
        for (const auto& method : library_methods) {
            table.emplace(method.method, &method);
        }
        return table;
    }();
    const auto found = all.find(name);
    return found == all.end() ? nullptr : found->second;
}

// Goes through the arguments of one call, from the first to the last.
class Walk {
public:
    Walk(sd_bus_message* call, std::string_view names) : call_{call}, arguments_{names} {}

    [[nodiscard]] Result<std::size_t> all();

private:
    [[nodiscard]] std::string next_name();
    [[nodiscard]] Result<void> argument(char type, std::string_view contents);
    [[nodiscard]] Result<void> options();
    [[nodiscard]] Result<void> option();
    [[nodiscard]] Result<void> value(const std::string& name);
    [[nodiscard]] Result<void> list(const std::string& name);
    [[nodiscard]] Result<std::string_view> text(char type, const std::string& what,
                                                std::size_t bytes_max = text_bytes_max);

    // What libsystemd says of a step.
    [[nodiscard]] static Result<void> done(int r)
    {
        if (r < 0) {
            return Error{.code = Errc::invalid_argument,
                         .message = std::string{"failed to read the arguments: "} + strerror(-r)};
        }
        return {};
    }

    sd_bus_message* call_;
    std::size_t bytes_ = 0;
    std::string_view arguments_;       // names of those that are left
    std::set<std::string_view> names_; // of options
};

Result<std::size_t> Walk::all()
{
    for (;;) {
        char type = 0;
        const char* contents = nullptr;
        const int r = sd_bus_message_peek_type(call_, &type, &contents);
        if (auto read = done(r); !read) {
            return std::move(read).error();
        }
        if (r == 0) {
            return bytes_;
        }
        if (auto fits = argument(type, contents != nullptr ? contents : ""); !fits) {
            return std::move(fits).error();
        }
    }
}

std::string Walk::next_name()
{
    const auto end = std::min(arguments_.find(' '), arguments_.size());
    const std::string name{arguments_.substr(0, end)};
    arguments_.remove_prefix(std::min(end + 1, arguments_.size()));
    return name;
}

Result<void> Walk::argument(char type, std::string_view contents)
{
    const auto name = next_name();
    switch (type) {
    case 's':
    case 'o':
    case 'g': {
        auto read = text(type, name, bytes_max_of(name));
        return read ? Result<void>{} : Result<void>{std::move(read).error()};
    }
    case 'a':
        return contents == "{sv}" ? options() : done(sd_bus_message_skip(call_, nullptr));
    default:
        bytes_ += sizeof(std::uint64_t);
        return done(sd_bus_message_skip(call_, nullptr));
    }
}

Result<std::string_view> Walk::text(char type, const std::string& what, std::size_t bytes_max)
{
    const char* read = nullptr;
    if (auto got = done(sd_bus_message_read_basic(call_, type, static_cast<void*>(&read))); !got) {
        return std::move(got).error();
    }
    const std::string_view said{read};
    bytes_ += said.size();
    if (auto fits = check_text(what, said, bytes_max); !fits) {
        return std::move(fits).error();
    }
    return said;
}

Result<void> Walk::options()
{
    if (auto in = done(sd_bus_message_enter_container(call_, 'a', "{sv}")); !in) {
        return in;
    }
    for (std::size_t count = 0;; ++count) {
        const int r = sd_bus_message_enter_container(call_, 'e', "sv");
        if (r == 0) {
            return done(sd_bus_message_exit_container(call_));
        }
        if (auto in = done(r); !in) {
            return in;
        }
        if (count == options_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message =
                             "more than " + std::to_string(options_max) + " options; pass fewer"};
        }
        if (auto fits = option(); !fits) {
            return fits;
        }
    }
}

Result<void> Walk::option()
{
    const auto name = text('s', "the name of an option");
    if (!name) {
        return name.error();
    }
    const auto shown = printable(std::string{*name});
    if (!names_.insert(*name).second) {
        return Error{.code = Errc::invalid_argument,
                     .message = "option \"" + shown + "\" is given twice; give it once"};
    }
    if (auto fits = value(shown); !fits) {
        return fits;
    }
    return done(sd_bus_message_exit_container(call_));
}

Result<void> Walk::value(const std::string& name)
{
    char type = 0;
    const char* contents = nullptr;
    if (auto seen = done(sd_bus_message_peek_type(call_, &type, &contents)); !seen) {
        return seen;
    }
    const std::string signature{contents != nullptr ? contents : ""};
    if (signature != "s" && signature != "as") {
        bytes_ += sizeof(std::uint64_t);
        return is_option_type(signature) ? done(sd_bus_message_skip(call_, "v"))
                                         : Result<void>{no_option_type(name, signature)};
    }
    if (auto in = done(sd_bus_message_enter_container(call_, 'v', signature.c_str())); !in) {
        return in;
    }
    if (signature == "as") {
        if (auto fits = list(name); !fits) {
            return fits;
        }
    } else if (auto fits = text('s', "option \"" + name + "\""); !fits) {
        return std::move(fits).error();
    }
    return done(sd_bus_message_exit_container(call_));
}

Result<void> Walk::list(const std::string& name)
{
    if (auto in = done(sd_bus_message_enter_container(call_, 'a', "s")); !in) {
        return in;
    }
    std::size_t bytes = 0;
    for (std::size_t count = 0; sd_bus_message_at_end(call_, 0) == 0; ++count) {
        if (count == list_items_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "option \"" + name + "\" lists more than " +
                                    std::to_string(list_items_max) + " words; pass fewer"};
        }
        const auto item = text('s', "a word of option \"" + name + "\"");
        if (!item) {
            return item.error();
        }
        bytes += item->size();
        if (bytes > text_bytes_max) {
            return list_too_large(name);
        }
    }
    return done(sd_bus_message_exit_container(call_));
}

} // namespace

const MethodAccess* find_method(sd_bus_message* call)
{
    const auto* interface = sd_bus_message_get_interface(call);
    const auto* member = sd_bus_message_get_member(call);
    const auto* signature = sd_bus_message_get_signature(call, 1);
    if (interface == nullptr || member == nullptr) {
        return nullptr;
    }
    const auto* const method = find_method(std::string{interface} + "." + member);
    return method != nullptr && method->signature == (signature != nullptr ? signature : "")
               ? method
               : nullptr;
}

bool changes_something(std::string_view interface, std::string_view member)
{
    const auto* const method = find_method(std::string{interface} + "." + std::string{member});
    return method != nullptr && method->access != Access::open;
}

Result<std::size_t> check_arguments(sd_bus_message* call, const MethodAccess& method)
{
    auto checked = Walk{call, method.arguments}.all();
    sd_bus_message_rewind(call, 1);
    return checked;
}

} // namespace virtpind::bus
