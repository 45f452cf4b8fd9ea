// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crash_guard.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"
#include "state_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

namespace virtpind {

namespace {

constexpr const char* file_name = "crash-guard";
constexpr std::string_view title = "virtpind crash-guard 1 ";
constexpr std::size_t main_line = 1; // after the title
constexpr std::size_t worker_line = 2;
constexpr std::size_t first_death_line = 3;
constexpr std::size_t uuid_bytes = 36;
constexpr std::size_t bytes_max =
    (first_death_line + CrashGuard::domains_max) * CrashGuard::line_bytes;

// Of exactly one line, its end included.
std::string padded(std::string text)
{
    text.resize(CrashGuard::line_bytes - 1, ' ');
    return text + '\n';
}

std::string_view without_padding(std::string_view line)
{
    const auto end = line.find_last_not_of(" \n");
    return end == std::string_view::npos ? std::string_view{} : line.substr(0, end + 1);
}

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (text.size() >= CrashGuard::line_bytes) {
        lines.push_back(without_padding(text.substr(0, CrashGuard::line_bytes)));
        text.remove_prefix(CrashGuard::line_bytes);
    }
    return lines;
}

template <class Number>
std::optional<Number> number_in(std::string_view text, int base)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const auto whole = error == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional{value} : std::nullopt;
}

std::string death_line(const DomainUuid& domain, unsigned count, std::uint64_t definition)
{
    std::array<char, 17> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), definition, 16).ptr;
    return padded(domain.str() + ' ' + std::to_string(count) + ' ' + std::string{hex.data(), end});
}

// Compared within one version of the program only.
std::uint64_t digest_of(std::string_view definition)
{
    const auto digest = std::uint64_t{std::hash<std::string_view>{}(definition)};
    return digest == 0 ? 1 : digest;
}

Result<std::string> read_all(int fd)
{
    std::string text(bytes_max, '\0');
    const auto got = ::pread(fd, text.data(), text.size(), 0);
    if (got < 0) {
        return Error{.code = Errc::not_persisted, .message = std::strerror(errno)};
    }
    text.resize(static_cast<std::size_t>(got));
    return text;
}

} // namespace

std::string why_left_alone()
{
    return "virtpind died " + std::to_string(CrashGuard::deaths_max) +
           " times in a row while it worked on this domain; it leaves the domain alone until its "
           "definition changes, a policy is set, or Reapply is called for it; please report this "
           "with the definition";
}

CrashGuard::CrashGuard(const std::filesystem::path& state_dir, std::string_view version)
    : state_dir_{state_dir}, version_{version.substr(0, line_bytes - 1 - title.size())}
{
    const auto problem = [this] {
        const std::lock_guard lock{file_mutex_};
        return open();
    }();
    if (!problem.empty()) {
        to_tell_.push_back("failed to open " + path_in_quotes((state_dir / file_name).native()) +
                           ": " + problem +
                           "; virtpind will not recognize a domain that kills it at every start");
        return;
    }
    read(version_);
    write_line(0, padded(std::string{title} + version_) + padded("-") + padded("-"));
    write_deaths();
}

CrashGuard::~CrashGuard()
{
    close();
}

// Why not, or "". Precondition: file_mutex_ is held.
std::string CrashGuard::open()
{
    if (file_) {
        return {};
    }
    const auto dir = open_state_dir(state_dir_);
    if (!dir) {
        return dir.error().message;
    }
    loop::UniqueFd opened{::openat(dir->get(), file_name,
                                   O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600)};
    if (!opened) {
        return std::strerror(errno);
    }

    struct stat found {};

    if (::fstat(opened.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
        return "it is not a regular file";
    }
    file_ = std::move(opened);
    return {};
}

// Nobody is at work any more, as far as anybody is to know.
void CrashGuard::close() noexcept
{
    armed_ = false;
    const std::lock_guard lock{file_mutex_};
    put_line(main_line, padded("-"));
    put_line(worker_line, padded("-"));
    file_ = {};
}

// Until the next pass has gone through. Precondition: mutex_ is held, as it is while one does.
void CrashGuard::arm()
{
    {
        const std::lock_guard lock{file_mutex_};
        [[maybe_unused]] const auto problem = open(); // told at the start already
    }
    armed_ = true;
}

void CrashGuard::read(std::string_view version)
{
    const auto text = read_all(file_.get());
    const auto lines = text ? lines_of(*text) : std::vector<std::string_view>{};
    if (lines.size() < first_death_line || !lines[0].starts_with(title) ||
        lines[0].substr(title.size()) != version) {
        return; // new, of another version, or of nobody
    }
    for (std::size_t at = first_death_line; at < lines.size(); ++at) {
        const auto line = lines[at];
        const auto gap = line.find(' ', uuid_bytes + 1);
        const auto uuid = parse_uuid(std::string{line.substr(0, uuid_bytes)});
        if (!uuid || gap == std::string_view::npos) {
            continue;
        }
        const auto count =
            number_in<unsigned>(line.substr(uuid_bytes + 1, gap - uuid_bytes - 1), 10);
        const auto definition = number_in<std::uint64_t>(line.substr(gap + 1), 16);
        if (count && definition && *count <= deaths_max) {
            deaths_.insert_or_assign(*uuid, Deaths{.count = *count, .definition = *definition});
        }
    }
    std::vector<DomainUuid> at_work;
    for (const auto line : {lines[main_line], lines[worker_line]}) {
        if (auto uuid = parse_uuid(std::string{line})) {
            at_work.push_back(std::move(*uuid));
        }
    }
    count_deaths(at_work);
}

// In a row: whoever was not at work when the last process died starts anew, unless it is left
// alone.
void CrashGuard::count_deaths(const std::vector<DomainUuid>& at_work)
{
    std::erase_if(deaths_, [&at_work](const auto& entry) {
        return entry.second.count < deaths_max &&
               std::find(at_work.begin(), at_work.end(), entry.first) == at_work.end();
    });
    for (const auto& domain : at_work) {
        if (deaths_.size() >= domains_max && !deaths_.contains(domain)) {
            continue;
        }
        auto& deaths = deaths_[domain];
        deaths.count = std::min(deaths.count + 1, deaths_max);
        to_tell_.push_back("virtpind died while it worked on the domain " + domain.str() + ", " +
                           pluralize(deaths.count, "time") + " in a row; after " +
                           std::to_string(deaths_max) + " times it leaves the domain alone");
    }
}

void CrashGuard::write_line(std::size_t line, const std::string& text) noexcept
{
    const std::lock_guard lock{file_mutex_};
    put_line(line, text);
}

// Never throws, as it also runs where something else is wrong: what cannot be written is not there.
// Precondition: file_mutex_ is held.
void CrashGuard::put_line(std::size_t line, const std::string& text) noexcept
{
    if (file_) {
        [[maybe_unused]] const auto written =
            ::pwrite(file_.get(), text.data(), text.size(), static_cast<off_t>(line * line_bytes));
    }
}

// Not the lines of the threads: either of them may be at work.
void CrashGuard::write_deaths()
{
    std::string text;
    for (const auto& [domain, deaths] : deaths_) {
        text += death_line(domain, deaths.count, deaths.definition);
    }
    const auto size = static_cast<off_t>(first_death_line * line_bytes + text.size());
    write_line(first_death_line, text);
    const std::lock_guard lock{file_mutex_};
    if (file_ && ::ftruncate(file_.get(), size) != 0) {
        file_ = {};
    }
}

void CrashGuard::Slot::at(const DomainUuid& domain)
{
    if (guard_.armed_ && domain.str().size() == uuid_bytes) {
        marked_ = true;
        guard_.write_line(line_, padded(domain.str()));
    }
}

void CrashGuard::Slot::done()
{
    if (marked_) {
        marked_ = false;
        guard_.write_line(line_, padded("-"));
    }
}

bool CrashGuard::suspects(const DomainUuid& domain) const
{
    const std::lock_guard lock{mutex_};
    return deaths_.contains(domain);
}

bool CrashGuard::leaves_alone(const DomainUuid& domain, std::string_view definition)
{
    const auto digest = digest_of(definition);
    const std::lock_guard lock{mutex_};
    const auto at = deaths_.find(domain);
    if (at == deaths_.end()) {
        return false;
    }
    auto& deaths = at->second;
    if (deaths.definition != 0 && deaths.definition != digest) {
        deaths_.erase(at);
        arm();
        write_deaths();
        return false;
    }
    if (deaths.definition == 0) {
        deaths.definition = digest;
        arm();
        write_deaths();
    }
    return deaths.count >= deaths_max;
}

void CrashGuard::pass_gone_through()
{
    if (!armed_) {
        return;
    }
    const std::lock_guard lock{mutex_};
    const auto forgiven =
        std::erase_if(deaths_, [](const auto& entry) { return entry.second.count < deaths_max; });
    if (forgiven != 0) {
        write_deaths();
    }
    close();
}

void CrashGuard::look_anew(const DomainUuid& domain)
{
    const std::lock_guard lock{mutex_};
    if (deaths_.erase(domain) != 0) {
        arm();
        write_deaths();
    }
}

} // namespace virtpind
