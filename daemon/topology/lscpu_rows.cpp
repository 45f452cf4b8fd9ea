// SPDX-License-Identifier: LGPL-2.1-or-later
// Long: the columns, the header and the rows of one table.
#include "lscpu_rows.hpp"

#include "common/base/cpu_set.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

namespace virtpind {

namespace {

constexpr auto how_to_run = "write the table with 'LC_ALL=C lscpu -e' or 'LC_ALL=C lscpu -p'";

// lscpu's columns; those without a meaning here are skipped. In the order of `column_names`.
enum class Column : std::uint8_t {
    cpu,
    core,
    socket,
    node,
    online,
    mhz_max,
    l1,
    l2,
    l3,
    caches,
    skipped
};

struct ColumnName {
    std::string_view name; // as `lscpu -e` spells it
    Column column;
};

constexpr std::array<ColumnName, 19> column_names{{
    {"CPU", Column::cpu},
    {"CORE", Column::core},
    {"SOCKET", Column::socket},
    {"NODE", Column::node},
    {"ONLINE", Column::online},
    {"MAXMHZ", Column::mhz_max},
    {"L1D", Column::l1},
    {"L2", Column::l2},
    {"L3", Column::l3},
    {"CLUSTER", Column::skipped},
    {"BOOK", Column::skipped},
    {"DRAWER", Column::skipped},
    {"POLARIZATION", Column::skipped},
    {"ADDRESS", Column::skipped},
    {"CONFIGURED", Column::skipped},
    {"MHZ", Column::skipped},
    {"SCALMHZ%", Column::skipped},
    {"MINMHZ", Column::skipped},
    {"BOGOMIPS", Column::skipped},
}};

// The model's name has blanks, so that only `lscpu -p` can have columns after it.
constexpr std::string_view model_name = "MODELNAME";

struct Header {
    bool parsable = false; // of `lscpu -p`: commas in between
    std::vector<Column> columns;
    std::vector<Column> caches; // of the one column `caches`, colons in between
    bool ends_with_model = false;
};

std::string upper(std::string_view text)
{
    std::string all{text};
    std::transform(all.begin(), all.end(), all.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return all;
}

std::string_view trimmed(std::string_view text)
{
    constexpr auto blanks = " \t\r";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split_at(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

// Tabs, too: web pages make them of tables.
std::vector<std::string_view> split_at_blanks(std::string_view text)
{
    constexpr auto blanks = " \t";
    std::vector<std::string_view> parts;
    for (auto first = text.find_first_not_of(blanks); first != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(blanks, first), text.size());
        parts.push_back(text.substr(first, end - first));
        first = text.find_first_not_of(blanks, end);
    }
    return parts;
}

// The command whose output follows, after a prompt that may be '#'.
bool is_command(std::string_view line)
{
    return line.find("lscpu ") != std::string_view::npos;
}

Error wrong(const std::string& what)
{
    return Error{.code = Errc::invalid_argument, .message = what};
}

bool is_cache(std::string_view name)
{
    return name.size() >= 2 && name[0] == 'L' && std::isdigit(static_cast<unsigned char>(name[1]));
}

std::optional<Column> find_column(std::string_view word)
{
    const auto name = upper(word);
    const auto* const known = std::find_if(column_names.begin(), column_names.end(),
                                           [&name](const auto& one) { return one.name == name; });
    if (known != column_names.end()) {
        return known->column;
    }
    if (name.empty() || is_cache(name)) { // `lscpu -p` has an empty column before the caches
        return name.find(':') == std::string::npos ? Column::skipped : Column::caches;
    }
    return name == model_name ? std::optional{Column::skipped} : std::nullopt;
}

Result<Header> read_header(std::string_view line)
{
    Header header{.parsable = line.starts_with('#'), .columns = {}, .caches = {}};
    line.remove_prefix(header.parsable ? 1 : 0);
    const auto words = header.parsable ? split_at(line, ',') : split_at_blanks(line);
    for (const auto word : words) {
        const auto column = find_column(word);
        if (!column) {
            return wrong("unknown column " + in_quotes(word) +
                         "; translated tables are not read: " + how_to_run);
        }
        if (*column != Column::skipped && std::find(header.columns.begin(), header.columns.end(),
                                                    *column) != header.columns.end()) {
            return wrong("column " + in_quotes(word) + " is there twice; " + how_to_run);
        }
        header.columns.push_back(*column);
        if (*column == Column::caches) {
            for (const auto cache : split_at(word, ':')) {
                header.caches.push_back(find_column(cache).value_or(Column::skipped));
            }
        }
    }
    header.ends_with_model = !header.parsable && upper(words.back()) == model_name;
    if (std::find(header.columns.begin(), header.columns.end(), Column::core) ==
        header.columns.end()) {
        return wrong(
            std::string{"the column CORE is missing, without which nobody knows which CPUs "
                        "are siblings; "} +
            how_to_run);
    }
    return header;
}

bool is_header(std::string_view line)
{
    const auto parsable = line.starts_with('#');
    line.remove_prefix(parsable ? 1 : 0);
    const auto words = parsable ? split_at(line, ',') : split_at_blanks(line);
    const auto has_cpu = std::any_of(words.begin(), words.end(),
                                     [](std::string_view word) { return upper(word) == "CPU"; });
    return has_cpu && words.size() > 1 && !is_command(line);
}

// Absent for "-" and for nothing.
Result<std::optional<std::uint32_t>> read_number(std::string_view word, std::uint32_t limit,
                                                 std::string_view what)
{
    if (word.empty() || word == "-") {
        return std::optional<std::uint32_t>{};
    }
    std::uint32_t number = 0;
    const auto* const end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, number);
    const auto is_large = parsed.ec == std::errc::result_out_of_range;
    if ((parsed.ec != std::errc{} && !is_large) || parsed.ptr != end) {
        return wrong(std::string{what} + " " + in_quotes(word) + " is no number; " + how_to_run);
    }
    if (is_large || number >= limit) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::string{what} + " " + in_quotes(word) +
                                " is too high; numbers below " + std::to_string(limit) +
                                " are accepted"};
    }
    return std::optional{number};
}

constexpr std::uint32_t no_limit = 0xffffffff;

class RowReader {
public:
    explicit RowReader(const Header& header) : header_{header} {}

    Result<LscpuRow> read(std::string_view line)
    {
        auto words = header_.parsable ? split_at(line, ',') : split_at_blanks(line);
        if (header_.ends_with_model && words.size() > header_.columns.size()) {
            words.resize(header_.columns.size());
        }
        if (words.size() != header_.columns.size()) {
            return wrong("it has " + pluralize(words.size(), "field") + ", but the header has " +
                         pluralize(header_.columns.size(), "column") + "; " + how_to_run);
        }
        auto word = words.begin();
        for (const auto column : header_.columns) {
            if (auto taken = take(column, *word++); !taken) {
                return std::move(taken).error();
            }
        }
        if (!id_) {
            return wrong(std::string{"the number of the CPU is missing; "} + how_to_run);
        }
        row_.id = CpuId{*id_};
        return row_;
    }

private:
    // Long: one case for each column.
    Result<void> take(Column column, std::string_view word)
    {
        switch (column) {
        case Column::cpu:
            return number(word, id_set_limit, "CPU", id_);
        case Column::core:
            return number(word, no_limit, "core", row_.core);
        case Column::socket:
            return number(word, no_limit, "socket", row_.socket);
        case Column::node:
            return number(word, lscpu_nodes_max, "NUMA node", row_.node);
        case Column::l1:
            return number(word, no_limit, "L1d", row_.l1);
        case Column::l2:
            return number(word, no_limit, "L2", row_.l2);
        case Column::l3:
            return number(word, no_limit, "L3", row_.l3);
        case Column::caches:
            return caches(word);
        case Column::online:
            return online(word);
        case Column::mhz_max: // "4900.0000"; the point may be a comma
            return number(word.substr(0, word.find_first_of(".,")), no_limit, "MAXMHZ",
                          row_.mhz_max);
        case Column::skipped:
            return {};
        }
        return {};
    }

    static Result<void> number(std::string_view word, std::uint32_t limit, std::string_view what,
                               std::optional<std::uint32_t>& out)
    {
        const auto read = read_number(word, limit, what);
        if (!read) {
            return read.error();
        }
        out = *read;
        return {};
    }

    // "0:0:0:0", and "-" where a CPU has none. Low-power cores have "64:64:8": lscpu leaves out the
    // caches that a CPU does not have, and these are the outermost.
    Result<void> caches(std::string_view word)
    {
        const auto numbers = split_at(word, ':');
        if (word == "-" || word.empty()) {
            return {};
        }
        if (numbers.size() > header_.caches.size()) {
            return wrong("the caches " + in_quotes(word) + " are more than " +
                         pluralize(header_.caches.size(), "number") + " with ':' in between; " +
                         how_to_run);
        }
        auto cache = header_.caches.begin();
        for (const auto one : numbers) {
            if (auto taken = take(*cache++, one); !taken) {
                return taken;
            }
        }
        return {};
    }

    Result<void> online(std::string_view word)
    {
        const auto said = upper(word);
        if (said != "YES" && said != "Y" && said != "NO" && said != "N") {
            return wrong("ONLINE is " + in_quotes(word) +
                         ", not yes or no; translated tables are not read: " + how_to_run);
        }
        row_.online = said.front() == 'Y';
        return {};
    }

    const Header& header_;
    std::optional<std::uint32_t> id_;
    LscpuRow row_;
};

// What people post around the table: blank lines, comments, the command itself.
bool is_around(std::string_view line)
{
    return line.empty() || line.starts_with("#") || line.starts_with("```") || is_command(line);
}

// What it is, where it does not begin as a table.
Error no_table(std::string_view first)
{
    if (first.empty()) {
        return wrong(std::string{"there is no table of CPUs; "} + how_to_run);
    }
    if (first.starts_with('{')) {
        return wrong(std::string{"this is JSON, of lscpu -J; "} + how_to_run);
    }
    if (first.starts_with('<')) {
        return wrong("this is XML; hwloc's, as lstopo writes it, is read by xml:FILE");
    }
    if (first.find(':') != std::string_view::npos) {
        return wrong(
            std::string{"this looks like the summary of lscpu without an option, which does "
                        "not tell which CPUs are siblings; "} +
            how_to_run);
    }
    if (std::isdigit(static_cast<unsigned char>(first.front()))) {
        return wrong(
            std::string{"the line with the names of the columns is missing, '# CPU,Core,...' "
                        "of lscpu -p; keep it, or "} +
            how_to_run);
    }
    return wrong("a table of CPUs does not begin with " + in_quotes(first) +
                 "; translated tables are not read: " + how_to_run);
}

Error at_line(Error error, std::size_t number)
{
    error.message = "line " + std::to_string(number) + ": " + error.message;
    return error;
}

// `lscpu -a -p` has no column that says so, but tells nothing of CPUs that are offline.
void find_offline(std::vector<LscpuRow>& rows, const Header& header)
{
    const auto& columns = header.columns;
    const auto tells = std::find(columns.begin(), columns.end(), Column::online) != columns.end();
    const auto has_core = [](const LscpuRow& row) { return row.core.has_value(); };
    if (!tells && std::any_of(rows.begin(), rows.end(), has_core)) {
        for (auto& row : rows) {
            row.online = has_core(row);
        }
    }
}

Result<std::vector<LscpuRow>> in_order(std::vector<LscpuRow> rows)
{
    std::sort(rows.begin(), rows.end(),
              [](const LscpuRow& a, const LscpuRow& b) { return a.id < b.id; });
    const auto twice =
        std::adjacent_find(rows.begin(), rows.end(),
                           [](const LscpuRow& a, const LscpuRow& b) { return a.id == b.id; });
    if (twice != rows.end()) {
        return wrong("CPU " + std::to_string(raw(twice->id)) + " is there twice; " + how_to_run);
    }
    if (std::none_of(rows.begin(), rows.end(), [](const LscpuRow& row) { return row.online; })) {
        return wrong(std::string{"no CPU is online; "} + how_to_run);
    }
    return rows;
}

} // namespace

Result<std::vector<LscpuRow>> parse_lscpu(std::string_view text)
{
    std::optional<Header> header;
    std::vector<LscpuRow> rows;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (!header && is_header(line)) {
            auto read = read_header(line);
            if (!read) {
                return at_line(std::move(read).error(), number);
            }
            header = std::move(*read);
        } else if (is_around(line)) {
            continue;
        } else if (header) {
            auto row = RowReader{*header}.read(line);
            if (!row) {
                return at_line(std::move(row).error(), number);
            }
            rows.push_back(*row);
        } else {
            return no_table(line);
        }
    }
    if (rows.empty()) {
        return no_table({});
    }
    find_offline(rows, *header);
    return in_order(std::move(rows));
}

} // namespace virtpind
