// SPDX-License-Identifier: LGPL-2.1-or-later
// The words, meanings and sentences of all reasons. A code is added in common/model/reason.hpp and
// here together; CONTRIBUTING.md shows how.
//
// In a sentence
//   {cpus}                  is an argument: a number, a set, names, a phrase
//   {vcpus:# CPU|# CPUs}    is one of two forms, by the number or the size of the argument; # is
//   the
//                           argument itself
//   {ways, or}              is a list with that word before the last one
//   {shared:}               is nothing: it asks for the argument
//   [...]                   is left out where an argument in it is absent, empty, 0 or false
//   !                       at its beginning: this sentence is of the level `lacking`, unlike
//   others of
//                           its code
// Of several sentences of a code the first is said for which no argument outside of [] is so.
#pragma once

#include "common/model/reason.hpp"

#include <array>
#include <span>
#include <string_view>

namespace virtpind {

// How the owner of a domain takes a reason: as wished; worth knowing; what was asked for is
// missing.
enum class ReasonLevel { good, note, lacking };

constexpr std::size_t sentences_max = 9; // of one code

struct ReasonInfo {
    ReasonCode code{};
    ReasonLevel level{};                                   // of its sentences
    std::string_view word;                                 // "fits-one-l3"
    std::string_view meaning;                              // in general, for readers of this table
    std::array<std::string_view, sentences_max> sentences; // those behind the last one are empty
};

struct PhraseInfo {
    ReasonPhrase phrase{};
    std::string_view text; // of the arguments of the reason that it is in
};

[[nodiscard]] std::span<const ReasonInfo> reason_table(); // in the order of the codes
[[nodiscard]] std::span<const PhraseInfo> phrase_table();
[[nodiscard]] const ReasonInfo& info_of(ReasonCode code);
[[nodiscard]] std::string_view text_of(ReasonPhrase phrase);

} // namespace virtpind
