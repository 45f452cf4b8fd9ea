// SPDX-License-Identifier: LGPL-2.1-or-later
#include "qemu_command_line.hpp"

#include "xml_reader.hpp"

#include <algorithm>

namespace virtpind {

namespace {

constexpr std::string_view qemu_namespace = "http://libvirt.org/schemas/domain/qemu/1.0";
constexpr std::size_t shown_bytes_max = 128;

bool is_qemu(const pugi::xml_node& element, std::string_view local)
{
    const std::string_view name = element.name();
    const auto colon = name.find(':');
    const auto own = colon == std::string_view::npos ? name : name.substr(colon + 1);
    return own == local && namespace_of(element) == qemu_namespace;
}

} // namespace

std::vector<pugi::xml_node> qemu_elements(const pugi::xml_node& domain, std::string_view parent,
                                          std::string_view local)
{
    std::vector<pugi::xml_node> elements;
    for (const auto outer : domain.children()) {
        if (!is_qemu(outer, parent)) {
            continue;
        }
        for (const auto element : outer.children()) {
            if (is_qemu(element, local)) {
                elements.push_back(element);
            }
        }
    }
    return elements;
}

std::vector<QemuArgument> qemu_arguments(const pugi::xml_node& domain,
                                         const std::vector<std::string_view>& options)
{
    std::vector<std::string_view> words;
    for (const auto& arg : qemu_elements(domain, "commandline", "arg")) {
        words.emplace_back(arg.attribute("value").value());
    }
    std::vector<QemuArgument> arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        auto word = words[i];
        if (!word.starts_with('-')) {
            continue; // a value of an option that nobody here knows
        }
        word.remove_prefix(word.starts_with("--") ? 2 : 1);
        word = word == "M" ? std::string_view{"machine"} : word;
        if (std::find(options.begin(), options.end(), word) != options.end()) {
            arguments.push_back({.option = std::string{word},
                                 .value = std::string{i + 1 < words.size() ? words[++i] : ""}});
        }
    }
    return arguments;
}

std::vector<std::string> settings_of(std::string_view value)
{
    std::vector<std::string> settings(1);
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto is_comma = value[i] == ',';
        if (is_comma && i + 1 < value.size() && value[i + 1] == ',') {
            ++i;
        } else if (is_comma) {
            settings.emplace_back();
            continue;
        }
        settings.back() += value[i];
    }
    return settings;
}

std::string setting(const std::vector<std::string>& settings, std::string_view key,
                    std::string_view implied)
{
    for (std::size_t i = 0; i < settings.size(); ++i) {
        const std::string_view one = settings[i];
        const auto equals = one.find('=');
        if (equals == std::string_view::npos ? i == 0 && key == implied
                                             : one.substr(0, equals) == key) {
            return settings[i].substr(equals == std::string_view::npos ? 0 : equals + 1);
        }
    }
    return "";
}

std::string shown_part(std::string text)
{
    text.resize(std::min(text.size(), shown_bytes_max));
    return text;
}

} // namespace virtpind
