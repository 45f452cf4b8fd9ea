// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reason_text.hpp"

#include "common/base/printable.hpp"
#include "reason_table.hpp"

#include <algorithm>
#include <variant>

namespace virtpind {

namespace {

constexpr char short_sign = '!';
constexpr std::size_t text_bytes_max = 1024;
constexpr std::uint64_t kib_per_mib = 1024;
constexpr std::uint64_t kib_per_gib = kib_per_mib * kib_per_mib;

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

// The number by which a form is chosen; 0 is as good as absent.
std::uint64_t size_of(const ReasonValue& value)
{
    return std::visit(Overloaded{
                          [](bool given) { return std::uint64_t{given}; },
                          [](std::uint64_t number) { return number; },
                          [](const MemoryAmount& amount) { return amount.kib; },
                          [](const PageSize& page) { return page.kib; },
                          [](ReasonPhrase) { return std::uint64_t{1}; },
                          [](const auto& several) { return std::uint64_t{several.size()}; },
                      },
                      value);
}

std::string shown(const PageSize& page)
{
    return page.kib % kib_per_gib == 0   ? std::to_string(page.kib / kib_per_gib) + " GiB"
           : page.kib % kib_per_mib == 0 ? std::to_string(page.kib / kib_per_mib) + " MiB"
                                         : std::to_string(page.kib) + " KiB";
}

std::string joined(const Counts& counts)
{
    std::string text;
    for (const auto count : counts) {
        text += (text.empty() ? "" : "+") + std::to_string(count);
    }
    return text;
}

NameList printable_names(const NameList& names)
{
    NameList shown;
    for (const auto& name : names) {
        shown.push_back(printable(name));
    }
    return shown;
}

NameList printable_names(const DomainsOnCpus& domains)
{
    NameList shown;
    for (const auto& domain : domains) {
        shown.push_back(printable(domain.name) + " (" + domain.cpus.str() + ")");
    }
    return shown;
}

// "a, b and c" with the word "and"; without one, "a, b, c".
std::string listed_with(const NameList& names, std::string_view word)
{
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto last = i + 1 == names.size() && !word.empty();
        text += i == 0 ? "" : last ? " " + std::string{word} + " " : ", ";
        text += names[i];
    }
    return text;
}

// Somebody else's names, of which there may be many: "a, b, c, d and 3 more".
std::string listed_names(NameList names, std::string_view word)
{
    constexpr std::size_t named_max = 4;
    if (names.size() <= named_max) {
        return listed_with(names, word);
    }
    const auto more = names.size() - named_max;
    names.resize(named_max);
    names.push_back(std::to_string(more) + " more");
    return listed_with(names, "and");
}

// Puts the arguments of one reason into sentences.
class Filler {
public:
    explicit Filler(const ReasonArguments& arguments) : arguments_{arguments} {}

    // Whether all arguments that the sentence needs are there.
    [[nodiscard]] bool suits(std::string_view sentence) const
    {
        auto in_option = false;
        for (std::size_t at = 0; at < sentence.size(); ++at) {
            in_option = sentence[at] == '[' || (in_option && sentence[at] != ']');
            if (sentence[at] == '{' && !in_option && !is_given(name_at(sentence, at))) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] std::string fill(std::string_view sentence) const
    {
        std::string text;
        for (std::size_t at = sentence.starts_with(short_sign) ? 1 : 0; at < sentence.size();) {
            if (sentence[at] == '[') {
                const auto option = inside(sentence, at, ']');
                text += suits(option) ? fill(option) : "";
                at += option.size() + 2;
            } else if (sentence[at] == '{') {
                const auto field = inside(sentence, at, '}');
                text += value_of(field);
                at += field.size() + 2;
            } else {
                text += sentence[at++];
            }
        }
        return text;
    }

private:
    // What follows the bracket at `at`, up to the one that closes it.
    static std::string_view inside(std::string_view sentence, std::size_t at, char closing)
    {
        const auto end = sentence.find(closing, at);
        return sentence.substr(at + 1, std::min(end, sentence.size()) - at - 1);
    }

    static std::string_view name_at(std::string_view sentence, std::size_t at)
    {
        const auto field = inside(sentence, at, '}');
        return field.substr(0, field.find_first_of(":,"));
    }

    [[nodiscard]] bool is_given(std::string_view name) const
    {
        const auto* value = find_argument(arguments_, name);
        return value != nullptr && size_of(*value) != 0;
    }

    // "name", "name:one|many" or "name, and".
    [[nodiscard]] std::string value_of(std::string_view field) const
    {
        const auto name = field.substr(0, field.find_first_of(":,"));
        const auto* value = find_argument(arguments_, name);
        if (value == nullptr) {
            return "{" + std::string{name} + "}";
        }
        const auto rest = field.substr(name.size());
        if (rest.empty()) {
            return shown_value(*value, "");
        }
        if (rest.front() == ',') {
            return shown_value(*value, rest.substr(2));
        }
        const auto bar = rest.find('|');
        const auto form = size_of(*value) == 1 || bar == std::string_view::npos
                              ? rest.substr(1, std::min(bar, rest.size()) - 1)
                              : rest.substr(bar + 1);
        std::string text;
        for (const auto c : form) {
            text += c == '#' ? shown_value(*value, "") : std::string{c};
        }
        return text;
    }

    [[nodiscard]] std::string shown_value(const ReasonValue& value, std::string_view word) const
    {
        return std::visit(
            Overloaded{
                [](bool) { return std::string{}; },
                [](std::uint64_t number) { return std::to_string(number); },
                [](const MemoryAmount& amount) {
                    return std::to_string((amount.kib + kib_per_mib - 1) / kib_per_mib) + " MiB";
                },
                [](const PageSize& page) { return shown(page); },
                [](const std::string& text) { return printable(text, text_bytes_max); },
                [](const Counts& counts) { return joined(counts); },
                [word](const NameList& names) {
                    return listed_names(printable_names(names), word);
                },
                [word](const DomainsOnCpus& domains) {
                    return listed_names(printable_names(domains), word);
                },
                [this](ReasonPhrase phrase) { return fill(text_of(phrase)); },
                [this, word](const ReasonPhrases& phrases) {
                    NameList texts;
                    for (const auto phrase : phrases) {
                        texts.push_back(fill(text_of(phrase)));
                    }
                    return listed_with(texts, word);
                },
                [](const auto& set) { return set.empty() ? std::string{"none"} : set.str(); },
            },
            value);
    }

    const ReasonArguments& arguments_;
};

// The first whose arguments are all there; else the last.
std::string_view chosen_sentence(const Reason& reason, const Filler& filler)
{
    std::string_view chosen;
    for (const auto sentence : info_of(reason.code).sentences) {
        if (sentence.empty()) {
            break;
        }
        chosen = sentence;
        if (filler.suits(sentence)) {
            break;
        }
    }
    return chosen;
}

ReasonLevel level_of(const Reason& reason)
{
    const auto sentence = chosen_sentence(reason, Filler{reason.arguments});
    return sentence.starts_with(short_sign) ? ReasonLevel::lacking : info_of(reason.code).level;
}

} // namespace

std::string_view to_string(ReasonCode code)
{
    return info_of(code).word;
}

std::string_view level_word(const Reason& reason, bool satisfied)
{
    const auto level = level_of(reason);
    return level == ReasonLevel::good                ? "good"
           : level == ReasonLevel::note || satisfied ? "note"
                                                     : "short";
}

const Reason* main_shortfall(const Reasons& reasons)
{
    const auto found = std::find_if(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return level_of(reason) == ReasonLevel::lacking;
    });
    return found != reasons.end() ? &*found : reasons.empty() ? nullptr : &reasons.front();
}

std::string reason_text(const Reason& reason)
{
    const Filler filler{reason.arguments};
    return printable(filler.fill(chosen_sentence(reason, filler)), text_bytes_max);
}

std::string fill_in(std::string_view sentence, const ReasonArguments& arguments)
{
    return Filler{arguments}.fill(sentence);
}

} // namespace virtpind
