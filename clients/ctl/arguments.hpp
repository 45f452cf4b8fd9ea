// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line as values; no I/O.
#pragma once

#include "clients/bus/target.hpp"
#include "common/base/result.hpp"
#include "verb_table.hpp"

#include <string>
#include <variant>
#include <vector>

namespace virtpind::client {

enum class JsonMode { off, line, pretty };

struct Arguments {
    Verb verb = Verb::status;

    // Of all verbs.
    std::vector<Target> targets; // at least one
    JsonMode json = JsonMode::off;
    bool quiet = false;
    bool legend = true;
    bool pager = true;
    bool ask_password = true;

    // Of some.
    std::vector<std::string> guests;
    std::vector<std::string> words;   // a policy and NAME=VALUE; of complete: the command line
    std::vector<std::string> command; // behind "--"
    std::string file;
    std::string reason;
    std::string fix; // the id of a finding
    bool all = false;
    bool yes = false;
    bool clear = false;
    bool runtime_only = false;
    bool defer = false;
    bool problems_only = false;
    bool verbose = false;
};

// Text to print, and the status to exit with is 0: --help, --version.
struct PrintAndExit {
    std::string text;
};

// An option of the command line, as help tells it.
struct OptionHelp {
    std::vector<std::string> names; // "-q", "--quiet"
    std::string value;              // "FILE", "off|short|pretty"; empty: it takes none
    std::string meaning;
};

// Those of a verb, and those of all.
[[nodiscard]] std::vector<OptionHelp> options_of(Verb verb);

// Error: invalid_argument, naming the word, the valid ones and the next step.
[[nodiscard]] Result<std::variant<Arguments, PrintAndExit>>
parse_arguments(std::vector<std::string> words);

} // namespace virtpind::client
