// SPDX-License-Identifier: LGPL-2.1-or-later
#include "original_state_json.hpp"

#include "common/base/json_reader.hpp"
#include "common/base/uuid.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace virtpind {

namespace {

using nlohmann::json;

constexpr std::int64_t version = 2;
// Deeper than any of this version, so that a later one may nest more and is still known as such.
constexpr JsonLimits limits{.bytes_max = before_image_bytes_max, .depth_max = 32};

// --- writing -----------------------------------------------------------------------------------

std::string key_of(std::uint32_t id)
{
    return std::to_string(id);
}

template <class Id>
std::string key_of(Id id)
{
    return std::to_string(raw(id));
}

template <class Map>
json sets_to_json(const Map& sets)
{
    auto object = json::object();
    for (const auto& [id, set] : sets) {
        object[key_of(id)] = set.str();
    }
    return object;
}

json to_json(const PinSet& pins)
{
    json object{{"vcpus", sets_to_json(pins.vcpus)},
                {"iothreads", sets_to_json(pins.iothreads)},
                {"iothreads-listed", pins.iothreads_listed}};
    if (pins.emulator) {
        object["emulator"] = pins.emulator->str();
    }
    if (pins.vcpu_cpuset) {
        object["vcpu-cpuset"] = pins.vcpu_cpuset->str();
    }
    if (pins.numatune) {
        object["numatune"] = {{"mode", to_string(pins.numatune->mode)},
                              {"nodes", pins.numatune->nodes.str()},
                              {"cells", sets_to_json(pins.numatune->cells)},
                              {"xml", pins.numatune->source_xml}};
    }
    return object;
}

json to_json(const DefinitionParts& parts)
{
    return json(parts);
}

json to_json(const std::vector<DefinitionParts>& written)
{
    auto array = json::array();
    for (const auto& parts : written) {
        array.push_back(to_json(parts));
    }
    return array;
}

// --- reading -----------------------------------------------------------------------------------

Result<DomainUuid> read_uuid(const JsonNode& node)
{
    const auto text = node.as_string();
    if (!text) {
        return text.error();
    }
    auto uuid = parse_uuid(*text);
    return uuid ? Result<DomainUuid>{std::move(*uuid)} : node.error("not a UUID");
}

// An object with numbers for keys and lists of ids for values.
template <class Key, class SetId>
Result<std::map<Key, IdSet<SetId>>> read_sets(const JsonNode& node)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    std::map<Key, IdSet<SetId>> sets;
    for (const auto& [key, value] : *members) {
        std::uint32_t id = 0;
        const auto* end = key.data() + key.size();
        const auto parsed = std::from_chars(key.data(), end, id);
        if (parsed.ec != std::errc{} || parsed.ptr != end || id >= id_set_limit) {
            return value.error("the key is not a number below " + std::to_string(id_set_limit));
        }
        auto set = read_id_set<SetId>(value);
        if (!set) {
            return std::move(set).error();
        }
        sets[Key{id}] = std::move(*set);
    }
    return sets;
}

Result<DefinitionParts> read_parts(const JsonNode& node)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    DefinitionParts parts;
    for (const auto& [name, value] : *members) {
        auto text = read_string(value);
        if (!text) {
            return std::move(text).error();
        }
        parts.emplace(name, std::move(*text));
    }
    return parts;
}

Result<std::vector<DefinitionParts>> read_written(const JsonNode& node)
{
    const auto items = node.as_array();
    if (!items) {
        return items.error();
    }
    if (items->size() > BeforeImage::written_max) {
        return node.error("more than " + std::to_string(BeforeImage::written_max) + " items");
    }
    std::vector<DefinitionParts> written;
    for (const auto& item : *items) {
        auto parts = read_parts(item);
        if (!parts) {
            return std::move(parts).error();
        }
        written.push_back(std::move(*parts));
    }
    return written;
}

Result<NumaMode> read_mode(const JsonNode& node)
{
    const auto word = node.as_string();
    if (!word) {
        return word.error();
    }
    auto mode = parse_numa_mode(*word);
    return mode ? std::move(mode) : node.error(mode.error().message);
}

Result<NumaTune> read_numatune(const JsonNode& node)
{
    NumaTune tune;
    JsonFields fields{node, {"mode", "nodes", "cells", "xml"}};
    fields.required("mode", tune.mode, read_mode);
    fields.required("nodes", tune.nodes, read_id_set<NodeId>);
    fields.required("cells", tune.cells, read_sets<std::uint32_t, NodeId>);
    fields.required("xml", tune.source_xml, read_string);
    if (fields.error()) {
        return *fields.error();
    }
    return tune;
}

Result<PinSet> read_pin_set(const JsonNode& node)
{
    PinSet pins;
    JsonFields fields{
        node, {"vcpus", "emulator", "iothreads", "iothreads-listed", "numatune", "vcpu-cpuset"}};
    fields.required("vcpus", pins.vcpus, read_sets<VcpuId, CpuId>);
    fields.required("iothreads", pins.iothreads, read_sets<IothreadId, CpuId>);
    fields.required("iothreads-listed", pins.iothreads_listed, read_bool);
    fields.optional("emulator", pins.emulator, read_id_set<CpuId>);
    fields.optional("numatune", pins.numatune, read_numatune);
    fields.optional("vcpu-cpuset", pins.vcpu_cpuset, read_id_set<CpuId>);
    if (fields.error()) {
        return *fields.error();
    }
    return pins;
}

// Whatever else it says: keys and values of a later version are not for this one to judge.
std::optional<Error> find_later_version(const JsonNode& root)
{
    const auto members = root.as_object();
    if (!members) {
        return std::nullopt;
    }
    for (const auto& [key, value] : *members) {
        const auto later = value.as_integer(version + 1, std::numeric_limits<std::int64_t>::max());
        if (key == "version" && later) {
            return Error{.code = Errc::unsupported,
                         .message = value.place() + ": a later virtpind wrote it, in version " +
                                    std::to_string(*later) + " of the format; this one reads " +
                                    std::to_string(version)};
        }
    }
    return std::nullopt;
}

} // namespace

std::string format_before_image(const BeforeImage& image)
{
    json object{{"version", version},
                {"uuid", image.uuid.str()},
                {"name", image.name},
                {"boot-id", image.boot_id},
                {"parts", to_json(image.parts)},
                {"written", to_json(image.written)}};
    if (image.id) {
        object["id"] = *image.id;
    }
    if (image.vcpus_max) {
        object["vcpus-max"] = *image.vcpus_max;
    }
    if (image.live) {
        object["live"] = to_json(*image.live);
    }
    if (image.config) {
        object["config"] = to_json(*image.config);
    }
    return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<BeforeImage> parse_before_image(std::string_view text, std::string_view source)
{
    const auto document = parse_json(text, source, limits);
    if (!document) {
        return document.error();
    }
    if (auto later = find_later_version(document->root())) {
        return std::move(*later);
    }
    BeforeImage image;
    std::int64_t read_version = 0;
    JsonFields fields{document->root(),
                      {"version", "uuid", "name", "id", "boot-id", "live", "config", "vcpus-max",
                       "parts", "written"}};
    fields.required("version", read_version, read_number<std::int64_t>(version, version));
    fields.required("uuid", image.uuid, read_uuid);
    fields.required("name", image.name, read_string);
    fields.optional("id", image.id, read_number<int>(0, std::numeric_limits<int>::max()));
    fields.required("boot-id", image.boot_id, read_string);
    fields.optional("vcpus-max", image.vcpus_max,
                    read_number<std::uint32_t>(1, static_cast<std::uint32_t>(id_set_limit)));
    fields.required("parts", image.parts, read_parts);
    fields.required("written", image.written, read_written);
    fields.optional("live", image.live, read_pin_set);
    fields.optional("config", image.config, read_pin_set);
    if (fields.error()) {
        return *fields.error();
    }
    return image;
}

} // namespace virtpind
