// SPDX-License-Identifier: LGPL-2.1-or-later
#include "before_image.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace virtpind {

namespace {

// "" where it is not there.
const std::string& value_of(const DefinitionParts& parts, const std::string& name)
{
    static const std::string absent;
    const auto at = parts.find(name);
    return at != parts.end() ? at->second : absent;
}

std::set<std::string> names_in(std::initializer_list<const DefinitionParts*> all)
{
    std::set<std::string> names;
    for (const auto* parts : all) {
        for (const auto& [name, value] : *parts) {
            names.insert(name);
        }
    }
    return names;
}

bool holds(const DefinitionParts& written, const DefinitionParts& now)
{
    return std::all_of(written.begin(), written.end(), [&now](const auto& part) {
        return value_of(now, part.first) == part.second;
    });
}

} // namespace

void BeforeImage::note_written(const DefinitionParts& now, const DefinitionParts& next)
{
    DefinitionParts ours;
    for (const auto& earlier : written) {
        for (const auto& [part, value] : earlier) {
            if (value_of(next, part) == value) {
                ours[part] = value;
            }
        }
    }
    for (const auto& part : names_in({&now, &next})) {
        if (value_of(now, part) != value_of(next, part)) {
            ours[part] = value_of(next, part);
        }
    }
    const auto in_force = std::find_if(written.begin(), written.end(),
                                       [&now](const auto& one) { return holds(one, now); });
    if (in_force != written.end()) {
        written = {std::move(*in_force)};
    }
    if (std::find(written.begin(), written.end(), ours) != written.end()) {
        return;
    }
    if (written.size() == written_max) {
        written.erase(written.begin());
    }
    written.push_back(std::move(ours));
}

Undo make_undo(const BeforeImage& before, const DefinitionParts& now)
{
    const auto is_ours = [&](const std::string& name) {
        return std::any_of(before.written.begin(), before.written.end(),
                           [&](const DefinitionParts& written) {
                               const auto at = written.find(name);
                               return at != written.end() && at->second == value_of(now, name);
                           });
    };
    Undo undo;
    for (const auto& name : names_in({&before.parts, &now})) {
        if (value_of(before.parts, name) == value_of(now, name)) {
            continue;
        }
        if (is_ours(name)) {
            undo.put_back[name] = value_of(before.parts, name);
        } else {
            undo.left_alone.push_back(name);
        }
    }
    return undo;
}

} // namespace virtpind
