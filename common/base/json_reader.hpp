// SPDX-License-Identifier: LGPL-2.1-or-later
// Strict reading of JSON from outside: bounded in size and depth, comments allowed, duplicate and
// unknown keys refused. Every error has its place: "FILE:LINE: domains[1].policy.smt: what".
//
// parse_json() makes a document; JsonNode walks it and knows its path and line; JsonFields reads
// an object member by member and keeps the first error, so that a reader is a list of its fields.
// All errors are invalid_config.
#pragma once

#include "cpu_set.hpp"
#include "messages.hpp"
#include "result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace virtpind {

struct JsonLimits {
    std::size_t bytes_max;
    unsigned depth_max; // of nested objects and arrays
};

struct JsonMember;

struct JsonValue {
    using Array = std::vector<JsonValue>;
    using Object = std::vector<JsonMember>;
    // Whole numbers beyond 64 bit signed arrive as double.
    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data;
    unsigned line = 1; // where it begins
};

struct JsonMember {
    std::string key;
    JsonValue value;
};

// A value in a document, with its path. Refers to the document, which must outlive it.
class JsonNode {
public:
    // `source` names the document in errors.
    JsonNode(const JsonValue& value, std::string_view source) : value_{&value}, source_{source} {}

    [[nodiscard]] Error error(std::string_view what) const;
    // An error about `path` ("policy.cpus", "cells[1].vcpus") within this value, with the line of
    // the deepest part that exists.
    [[nodiscard]] Error error_at(std::string_view path, std::string_view what) const;

    // "FILE:LINE".
    [[nodiscard]] std::string place() const;

    [[nodiscard]] bool is_string() const;

    [[nodiscard]] Result<bool> as_bool() const;
    [[nodiscard]] Result<std::string> as_string() const;
    [[nodiscard]] Result<std::int64_t> as_integer(std::int64_t least, std::int64_t most) const;
    [[nodiscard]] Result<std::vector<JsonNode>> as_array() const;
    // Keys with their values, in the order written.
    [[nodiscard]] Result<std::vector<std::pair<std::string_view, JsonNode>>> as_object() const;

private:
    JsonNode(const JsonValue& value, std::string_view source, std::string path)
        : value_{&value}, source_{source}, path_{std::move(path)}
    {}

    const JsonValue* value_;
    std::string_view source_;
    std::string path_; // "domains[1].policy"; empty for the whole document
};

class JsonDocument {
public:
    JsonDocument(JsonValue root, std::string source)
        : root_{std::move(root)}, source_{std::move(source)}
    {}

    [[nodiscard]] JsonNode root() const& { return {root_, source_}; }

private:
    JsonValue root_;
    std::string source_;
};

[[nodiscard]] Result<JsonDocument> parse_json(std::string_view text, std::string_view source,
                                              const JsonLimits& limits);

// The members of one object, read by name. After the first error every read does nothing.
class JsonFields {
public:
    // `keys` are the valid ones; any other is an error with a suggestion.
    JsonFields(const JsonNode& node, Words keys);

    // If `key` is there, out = read(node).
    template <class T, class Read>
    void optional(std::string_view key, T& out, Read read)
    {
        const auto* node = find(key);
        if (error_ || node == nullptr) {
            return;
        }
        auto value = read(*node);
        if (!value) {
            error_ = std::move(value).error();
            return;
        }
        out = std::move(*value);
    }

    // If `key` is there, read(node), a Result<void>.
    template <class Read>
    void each(std::string_view key, Read read)
    {
        const auto* node = find(key);
        if (error_ || node == nullptr) {
            return;
        }
        if (auto done = read(*node); !done) {
            error_ = std::move(done).error();
        }
    }

    template <class T, class Read>
    void required(std::string_view key, T& out, Read read)
    {
        if (!error_ && find(key) == nullptr) {
            fail("'" + std::string{key} + "' is missing");
        }
        optional(key, out, read);
    }

    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

    // An error about the object as a whole.
    void fail(const std::string& what);

    // The first error, if any: `if (auto error = fields.error()) return *error;`
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

private:
    [[nodiscard]] const JsonNode* find(std::string_view key) const;

    JsonNode node_;
    std::vector<std::pair<std::string_view, JsonNode>> members_;
    std::optional<Error> error_;
};

// Readers for JsonFields.
[[nodiscard]] Result<bool> read_bool(const JsonNode& node);
[[nodiscard]] Result<std::string> read_string(const JsonNode& node);

// A string with a list of ids, "0-3,8".
template <class Id>
[[nodiscard]] Result<IdSet<Id>> read_id_set(const JsonNode& node)
{
    const auto text = node.as_string();
    if (!text) {
        return text.error();
    }
    auto ids = IdSet<Id>::parse(*text);
    return ids ? std::move(ids) : node.error(ids.error().message);
}

// A whole number within bounds, both included.
template <class Number>
[[nodiscard]] auto read_number(std::int64_t least, std::int64_t most)
{
    return [least, most](const JsonNode& node) -> Result<Number> {
        const auto number = node.as_integer(least, most);
        if (!number) {
            return number.error();
        }
        return static_cast<Number>(*number);
    };
}

// Every item of an array by `read`.
template <class T, class Read>
[[nodiscard]] auto read_array(Read read)
{
    return [read](const JsonNode& node) -> Result<std::vector<T>> {
        const auto items = node.as_array();
        if (!items) {
            return items.error();
        }
        std::vector<T> values;
        for (const auto& item : *items) {
            auto value = read(item);
            if (!value) {
                return std::move(value).error();
            }
            values.push_back(std::move(*value));
        }
        return values;
    };
}

} // namespace virtpind
