// SPDX-License-Identifier: LGPL-2.1-or-later
#include "properties.hpp"

#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"
#include "common/model/policy_options.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <string_view>

namespace virtpind::client {

namespace {

constexpr std::size_t text_max = 4096;

std::string shown(const std::string& text)
{
    return printable(text, text_max);
}

// Reads properties by name, each with the type that it has on the bus.
class Reader {
public:
    explicit Reader(const Properties& properties) : properties_{properties} {}

    // use(value) where the property is there and has this type.
    template <class T, class Use>
    bool with(const char* name, Use use) const
    {
        const auto at = properties_.find(name);
        if (at == properties_.end() || !at->second.containsValueOfType<T>()) {
            return false;
        }
        use(at->second.get<T>());
        return true;
    }

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

    void read(const char* name, std::uint64_t& out) const
    {
        with<std::uint64_t>(name, [&](std::uint64_t number) { out = number; });
    }

    void read(const char* name, CpuSet& out) const
    {
        with<std::string>(name, [&](const std::string& text) { out = cpus_of(text); });
    }

    void read(const char* name, Remark& out) const
    {
        with<sdbus::Struct<std::string, std::string>>(name, [&](const auto& pair) {
            out = {shown(std::get<0>(pair)), shown(std::get<1>(pair))};
        });
    }

    void read(const char* name, std::map<std::uint32_t, CpuSet>& out) const
    {
        with<std::vector<sdbus::Struct<std::uint32_t, std::string>>>(name, [&](const auto& pins) {
            for (const auto& pin : pins) {
                out[std::get<0>(pin)] = cpus_of(std::get<1>(pin));
            }
        });
    }

private:
    static CpuSet cpus_of(const std::string& text)
    {
        auto cpus = CpuSet::parse(text);
        return cpus ? *cpus : CpuSet{};
    }

    const Properties& properties_;
};

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

// Of ".../domain/_6695eb01_f6a4_..."; "" for other objects.
std::string uuid_of_path(const std::string& path)
{
    auto element = path.substr(path.rfind('/') + 1);
    element.erase(0, element.rfind('_', 0) == 0 ? 1 : 0);
    std::replace(element.begin(), element.end(), '_', '-');
    const auto uuid = parse_uuid(element);
    return uuid ? uuid->str() : "";
}

// The first version has no objects in the rows.
void read_problems(const Reader& reader, std::vector<Problem>& problems)
{
    using Row = sdbus::Struct<std::string, std::string, sdbus::ObjectPath>;
    using OldRow = sdbus::Struct<std::string, std::string>;
    const auto is_new =
        reader.with<std::vector<Row>>("Problems", [&](const std::vector<Row>& rows) {
            for (const auto& row : rows) {
                problems.push_back({{shown(std::get<0>(row)), shown(std::get<1>(row))},
                                    uuid_of_path(std::get<2>(row))});
            }
        });
    if (!is_new) {
        reader.with<std::vector<OldRow>>("Problems", [&](const std::vector<OldRow>& rows) {
            for (const auto& row : rows) {
                problems.push_back({{shown(std::get<0>(row)), shown(std::get<1>(row))}, ""});
            }
        });
    }
}

} // namespace

Service read_service(const Properties& properties)
{
    const Reader reader{properties};
    Service service;
    reader.read("Version", service.version);
    reader.with<std::uint32_t>("InterfaceVersion",
                               [&](std::uint32_t number) { service.interface_version = number; });
    reader.read("State", service.state);
    reader.read("LibvirtURI", service.libvirt_uri);
    reader.read("OnlineCPUs", service.online);
    reader.read("HousekeepingCPUs", service.housekeeping);
    reader.read("PoolCPUs", service.pool);
    reader.read("IsolatedCPUs", service.isolated);
    reader.read("DefaultPolicy", service.default_policy);
    reader.read("Policies", service.policies);
    read_problems(reader, service.problems);
    return service;
}

Guest read_guest(const Properties& properties)
{
    const Reader reader{properties};
    Guest guest;
    reader.read("UUID", guest.uuid);
    reader.read("Name", guest.name);
    reader.read("RunState", guest.run_state);
    reader.read("Policy", guest.policy);
    reader.read("PolicySource", guest.policy_source);
    reader.with<Properties>("PolicyOptions", [&](const Properties& options) {
        for (const auto& [name, value] : options) {
            guest.options[shown(name)] = variant_text(value);
        }
    });
    reader.read("PinState", guest.pin_state);
    reader.read("VcpuPins", guest.vcpus);
    reader.read("EmulatorCPUs", guest.emulator);
    reader.read("IOThreadPins", guest.iothreads);
    reader.read("NUMANodes", guest.nodes);
    reader.read("LastError", guest.last_error);
    reader.read("LastAppliedUSec", guest.last_applied_usec);
    reader.read("Generation", guest.generation);
    reader.with<bool>("Satisfied", [&](bool satisfied) { guest.satisfied = satisfied; });
    reader.read("Shortfall", guest.shortfall);
    reader.read("Placement", guest.placement);
    reader.read("IsolatedCPUs", guest.isolated);
    reader.read("Displaced", guest.displaced);
    reader.read("DisplacedBy", guest.displaced_by);
    reader.with<std::vector<sdbus::Struct<std::string, std::string>>>(
        "Holds", [&](const auto& holds) {
            for (const auto& hold : holds) {
                guest.holds.push_back({shown(std::get<1>(hold)), shown(std::get<0>(hold))});
            }
        });
    return guest;
}

} // namespace virtpind::client
