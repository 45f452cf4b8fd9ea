// SPDX-License-Identifier: LGPL-2.1-or-later
#include "properties.hpp"

#include "clients/view/service_properties.hpp"
#include "common/base/printable.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <iterator>

namespace virtpind::client {

namespace {

constexpr std::size_t text_max = 4096;

std::string shown(const std::string& text)
{
    return printable(text, text_max);
}

std::string variant_text(const sdbus::Variant& value)
{
    if (value.containsValueOfType<std::string>()) {
        return shown(value.get<std::string>());
    }
    if (value.containsValueOfType<bool>()) {
        return value.get<bool>() ? "true" : "false";
    }
    if (value.containsValueOfType<std::int32_t>()) {
        return std::to_string(value.get<std::int32_t>());
    }
    if (value.containsValueOfType<std::uint32_t>()) {
        return std::to_string(value.get<std::uint32_t>());
    }
    std::string text;
    if (value.containsValueOfType<std::vector<std::string>>()) {
        for (const auto& word : value.get<std::vector<std::string>>()) {
            text += (text.empty() ? "" : ",") + shown(word);
        }
    }
    return text;
}

CpuSet cpus_of(const std::string& text)
{
    auto cpus = CpuSet::parse(text);
    return cpus ? *cpus : CpuSet{};
}

class Reader {
public:
    explicit Reader(const Properties& properties) : properties_{properties} {}

    void read(const char* name, std::string& out) const
    {
        with<std::string>(name, [&](const std::string& text) { out = shown(text); });
    }

    void read(const char* name, std::vector<std::string>& out) const
    {
        with<std::vector<std::string>>(name, [&](const std::vector<std::string>& texts) {
            std::transform(texts.begin(), texts.end(), std::back_inserter(out), shown);
        });
    }

    void read(const char* name, std::uint32_t& out) const
    {
        with<std::uint32_t>(name, [&](std::uint32_t number) { out = number; });
    }

    void read(const char* name, std::uint64_t& out) const
    {
        with<std::uint64_t>(name, [&](std::uint64_t number) { out = number; });
    }

    void read(const char* name, std::optional<bool>& out) const
    {
        with<bool>(name, [&](bool is_so) { out = is_so; });
    }

    void read(const char* name, CpuSet& out) const
    {
        with<std::string>(name, [&](const std::string& text) { out = cpus_of(text); });
    }

    void read(const char* name, Remark& out) const
    {
        with<Pair>(name, [&](const Pair& pair) { out = remark_of(pair); });
    }

    void read(const char* name, std::map<std::uint32_t, CpuSet>& out) const
    {
        with<std::vector<sdbus::Struct<std::uint32_t, std::string>>>(name, [&](const auto& pins) {
            for (const auto& pin : pins) {
                out[std::get<0>(pin)] = cpus_of(std::get<1>(pin));
            }
        });
    }

    void read(const char* name, std::map<std::string, std::string>& out) const
    {
        with<Properties>(name, [&](const Properties& options) { out = options_of(options); });
    }

    void read(const char* name, std::optional<std::vector<OwnPolicy>>& out) const
    {
        using Row = sdbus::Struct<std::string, std::string, Properties>;
        with<std::vector<Row>>(name, [&](const std::vector<Row>& rows) {
            out.emplace();
            for (const auto& row : rows) {
                out->push_back({.source = shown(std::get<0>(row)),
                                .policy = shown(std::get<1>(row)),
                                .options = options_of(std::get<2>(row))});
            }
        });
    }

    void read(const char* name, std::vector<Hold>& out) const
    {
        with<std::vector<Pair>>(name, [&](const std::vector<Pair>& holds) {
            for (const auto& hold : holds) {
                out.push_back({shown(std::get<1>(hold)), shown(std::get<0>(hold))});
            }
        });
    }

    void read(const char* name, std::vector<Problem>& out) const
    {
        using Row = sdbus::Struct<std::string, std::string, sdbus::ObjectPath>;
        with<std::vector<Row>>(name, [&](const std::vector<Row>& rows) {
            for (const auto& row : rows) {
                out.push_back({{shown(std::get<0>(row)), shown(std::get<1>(row))},
                               uuid_of_path(std::get<2>(row))});
            }
        });
        // The first version has no objects in the rows.
        with<std::vector<Pair>>(name, [&](const std::vector<Pair>& rows) {
            for (const auto& row : rows) {
                out.push_back({remark_of(row), ""});
            }
        });
    }

private:
    using Pair = sdbus::Struct<std::string, std::string>;

    static std::map<std::string, std::string> options_of(const Properties& options)
    {
        std::map<std::string, std::string> texts;
        for (const auto& [option, value] : options) {
            texts[shown(option)] = variant_text(value);
        }
        return texts;
    }

    static Remark remark_of(const Pair& pair)
    {
        return {shown(std::get<0>(pair)), shown(std::get<1>(pair))};
    }

    // use(value) where the property is there and has this type.
    template <class T, class Use>
    void with(const char* name, Use use) const
    {
        const auto at = properties_.find(name);
        if (at != properties_.end() && at->second.containsValueOfType<T>()) {
            use(at->second.get<T>());
        }
    }

    const Properties& properties_;
};

} // namespace

Service read_service(const Properties& properties)
{
    return service_of(Reader{properties});
}

Guest read_guest(const Properties& properties)
{
    return guest_of(Reader{properties});
}

} // namespace virtpind::client
