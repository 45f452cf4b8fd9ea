// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json_reader.hpp"

#include "printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace virtpind {

namespace {

using nlohmann::json;

std::string place_of(std::string_view source, unsigned line)
{
    return std::string{source} + ":" + std::to_string(line) + ": ";
}

// Where the lexer is in the text. The lexer may have read one character beyond a number; counting
// the line of the last character read, a newline belonging to the line it ends, is right even then.
struct Cursor {
    const char* at;
    const char* end;
    unsigned line = 1;
    bool line_ended = false;

    void advance()
    {
        line += line_ended ? 1 : 0;
        line_ended = *at == '\n';
        ++at;
    }
};

// nlohmann::json tells its SAX handler no positions, so the input tells them.
class CountingIterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator() = default; // the end

    explicit CountingIterator(Cursor& cursor) : cursor_{&cursor} {}

    reference operator*() const { return *cursor_->at; }

    CountingIterator& operator++()
    {
        cursor_->advance();
        return *this;
    }

    friend bool operator==(const CountingIterator& a, const CountingIterator& b)
    {
        return a.at_end() == b.at_end();
    }

private:
    [[nodiscard]] bool at_end() const { return cursor_ == nullptr || cursor_->at == cursor_->end; }

    Cursor* cursor_ = nullptr;
};

// Builds the tree. Stops at the first thing that is not allowed.
class TreeBuilder : public nlohmann::json_sax<json> {
public:
    TreeBuilder(const Cursor& cursor, std::string_view source, const JsonLimits& limits)
        : cursor_{cursor}, source_{source}, limits_{limits}
    {}

    bool null() override { return add(nullptr); }

    bool boolean(bool value) override { return add(value); }

    bool number_integer(number_integer_t value) override { return add(std::int64_t{value}); }

    bool number_unsigned(number_unsigned_t value) override
    {
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        return value <= static_cast<number_unsigned_t>(most) ? add(static_cast<std::int64_t>(value))
                                                             : add(static_cast<double>(value));
    }

    bool number_float(number_float_t value, const string_t&) override { return add(value); }

    bool string(string_t& value) override { return add(std::move(value)); }

    bool binary(binary_t&) override { return fail("binary data"); }

    bool start_object(std::size_t) override { return open(JsonValue::Object{}); }

    bool key(string_t& value) override
    {
        auto& members = std::get<JsonValue::Object>(open_.back().data);
        members.push_back({std::move(value), {nullptr, cursor_.line}});
        return true;
    }

    bool end_object() override
    {
        auto object = std::move(open_.back());
        open_.pop_back();
        return has_unique_keys(std::get<JsonValue::Object>(object.data)) && put(std::move(object));
    }

    bool start_array(std::size_t) override { return open(JsonValue::Array{}); }

    bool end_array() override
    {
        auto array = std::move(open_.back());
        open_.pop_back();
        return put(std::move(array));
    }

    bool parse_error(std::size_t, const std::string&, const json::exception& problem) override
    {
        // "[json.exception...] parse error at line 3, column 5: what we want"
        constexpr std::size_t shown_max = 300;
        const std::string_view text{problem.what()};
        const auto column = text.find("column ");
        const auto what = text.find(": ", column == std::string_view::npos ? 0 : column);
        for (const auto& [begins, bracket] : {std::pair{"object key - unexpected '}'", "}"},
                                              std::pair{"value - unexpected ']'", "]"}}) {
            if (text.find(begins) != std::string_view::npos) {
                return fail("not valid JSON: a comma stands before '" + std::string{bracket} +
                            "'; remove the comma before " + bracket);
            }
        }
        return fail(
            "not valid JSON: " +
            printable(text.substr(what == std::string_view::npos ? 0 : what + 2), shown_max));
    }

    JsonValue root;
    std::optional<Error> error;

private:
    template <class T>
    bool add(T value)
    {
        return put(JsonValue{std::move(value), cursor_.line});
    }

    template <class T>
    bool open(T container)
    {
        if (open_.size() == limits_.depth_max) {
            return fail("nested deeper than " + std::to_string(limits_.depth_max) + " levels");
        }
        open_.push_back(JsonValue{std::move(container), cursor_.line});
        return true;
    }

    bool put(JsonValue value)
    {
        if (open_.empty()) {
            root = std::move(value);
        } else if (auto* array = std::get_if<JsonValue::Array>(&open_.back().data)) {
            array->push_back(std::move(value));
        } else {
            std::get<JsonValue::Object>(open_.back().data).back().value = std::move(value);
        }
        return true;
    }

    bool has_unique_keys(const JsonValue::Object& members)
    {
        std::vector<const JsonMember*> sorted;
        for (const auto& member : members) {
            sorted.push_back(&member);
        }
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto* a, const auto* b) { return a->key < b->key; });
        const auto twin =
            std::adjacent_find(sorted.begin(), sorted.end(),
                               [](const auto* a, const auto* b) { return a->key == b->key; });
        if (twin == sorted.end()) {
            return true;
        }
        const auto& again = **std::next(twin);
        error = Error{.code = Errc::invalid_config,
                      .message = place_of(source_, again.value.line) + "key " +
                                 in_quotes(again.key) + " appears twice, first in line " +
                                 std::to_string((*twin)->value.line)};
        return false;
    }

    bool fail(const std::string& what)
    {
        error =
            Error{.code = Errc::invalid_config, .message = place_of(source_, cursor_.line) + what};
        return false;
    }

    const Cursor& cursor_;
    std::string_view source_;
    JsonLimits limits_;
    std::vector<JsonValue> open_; // containers being read, outermost first
};

// Keys go into messages as they are when they are plain, quoted otherwise.
std::string shown_key(std::string_view key)
{
    constexpr std::size_t plain_max = 64;
    const auto plain = key.size() <= plain_max && std::all_of(key.begin(), key.end(), [](char c) {
                           return c > ' ' && c <= '~' && c != '.' && c != '[';
                       });
    return plain ? std::string{key} : "[" + in_quotes(key) + "]";
}

// The next step of "cells[1].vcpus", which is taken from it: "cells", "[1]", "vcpus".
std::string_view take_step(std::string_view& path)
{
    path.remove_prefix(path.front() == '.' ? 1 : 0);
    const auto end = std::min(path.find_first_of(".[", 1), path.size());
    const auto step = path.substr(0, end);
    path.remove_prefix(end);
    return step;
}

const JsonValue* item_at(const JsonValue& value, std::string_view step)
{
    const auto* items = std::get_if<JsonValue::Array>(&value.data);
    std::size_t index = 0;
    std::from_chars(step.data() + 1, step.data() + step.size(), index);
    return items != nullptr && index < items->size() ? &(*items)[index] : nullptr;
}

const JsonValue* member_at(const JsonValue& value, std::string_view step)
{
    const auto* members = std::get_if<JsonValue::Object>(&value.data);
    if (members == nullptr) {
        return nullptr;
    }
    const auto at = std::find_if(members->begin(), members->end(),
                                 [step](const auto& member) { return member.key == step; });
    return at != members->end() ? &at->value : nullptr;
}

// The value at the end of `path`, or the last one on the way that is there.
const JsonValue& deepest(const JsonValue& value, std::string_view path)
{
    const auto* deepest = &value;
    while (!path.empty()) {
        const auto step = take_step(path);
        const auto* next =
            step.front() == '[' ? item_at(*deepest, step) : member_at(*deepest, step);
        if (next == nullptr) {
            break;
        }
        deepest = next;
    }
    return *deepest;
}

} // namespace

Result<JsonDocument> parse_json(std::string_view text, std::string_view source,
                                const JsonLimits& limits)
{
    if (text.size() > limits.bytes_max) {
        return Error{.code = Errc::invalid_config,
                     .message = place_of(source, 1) + "has " + std::to_string(text.size()) +
                                " bytes; at most " + std::to_string(limits.bytes_max) +
                                " are accepted"};
    }
    Cursor cursor{.at = text.data(), .end = text.data() + text.size()};
    TreeBuilder builder{cursor, source, limits};
    constexpr auto strict = true;          // nothing after the value
    constexpr auto ignore_comments = true; // as if they were blanks
    json::sax_parse(CountingIterator{cursor}, CountingIterator{}, &builder,
                    json::input_format_t::json, strict, ignore_comments);
    if (builder.error) {
        return std::move(*builder.error);
    }
    return JsonDocument{std::move(builder.root), std::string{source}};
}

std::string JsonNode::place() const
{
    return std::string{source_} + ":" + std::to_string(value_->line);
}

Error JsonNode::error(std::string_view what) const
{
    return Error{.code = Errc::invalid_config,
                 .message = place_of(source_, value_->line) + path_ + (path_.empty() ? "" : ": ") +
                            std::string{what}};
}

Error JsonNode::error_at(std::string_view path, std::string_view what) const
{
    return JsonNode{deepest(*value_, path), source_,
                    path_ + (path_.empty() ? "" : ".") + std::string{path}}
        .error(what);
}

bool JsonNode::is_string() const
{
    return std::holds_alternative<std::string>(value_->data);
}

Result<bool> JsonNode::as_bool() const
{
    const auto* value = std::get_if<bool>(&value_->data);
    return value != nullptr ? Result<bool>{*value} : error("true or false is expected");
}

Result<std::string> JsonNode::as_string() const
{
    const auto* value = std::get_if<std::string>(&value_->data);
    return value != nullptr ? Result<std::string>{*value} : error("a string is expected");
}

Result<std::int64_t> JsonNode::as_integer(std::int64_t least, std::int64_t most) const
{
    const auto* value = std::get_if<std::int64_t>(&value_->data);
    if (value == nullptr || *value < least || *value > most) {
        return error("a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most) + " is expected");
    }
    return *value;
}

Result<std::vector<JsonNode>> JsonNode::as_array() const
{
    const auto* items = std::get_if<JsonValue::Array>(&value_->data);
    if (items == nullptr) {
        return error("a list [...] is expected");
    }
    std::vector<JsonNode> nodes;
    for (std::size_t i = 0; i < items->size(); ++i) {
        nodes.push_back({(*items)[i], source_, path_ + "[" + std::to_string(i) + "]"});
    }
    return nodes;
}

Result<std::vector<std::pair<std::string_view, JsonNode>>> JsonNode::as_object() const
{
    const auto* members = std::get_if<JsonValue::Object>(&value_->data);
    if (members == nullptr) {
        return error("an object {...} is expected");
    }
    std::vector<std::pair<std::string_view, JsonNode>> nodes;
    for (const auto& [key, value] : *members) {
        nodes.emplace_back(
            key, JsonNode{value, source_, path_ + (path_.empty() ? "" : ".") + shown_key(key)});
    }
    return nodes;
}

JsonFields::JsonFields(const JsonNode& node, Words keys) : node_{node}
{
    auto members = node.as_object();
    if (!members) {
        error_ = std::move(members).error();
        return;
    }
    members_ = std::move(*members);
    for (const auto& [key, value] : members_) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            error_ = value.error(unknown_word("key", key, keys));
            return;
        }
    }
}

void JsonFields::fail(const std::string& what)
{
    if (!error_) {
        error_ = node_.error(what);
    }
}

const JsonNode* JsonFields::find(std::string_view key) const
{
    const auto at = std::find_if(members_.begin(), members_.end(),
                                 [key](const auto& member) { return member.first == key; });
    return at != members_.end() ? &at->second : nullptr;
}

Result<bool> read_bool(const JsonNode& node)
{
    return node.as_bool();
}

Result<std::string> read_string(const JsonNode& node)
{
    return node.as_string();
}

} // namespace virtpind
