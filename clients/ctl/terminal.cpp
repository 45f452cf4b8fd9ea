// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <iostream>

namespace virtpind::client {

namespace {

bool reader_has_gone = false;

std::optional<bool> switch_of(const std::optional<std::string>& value)
{
    if (!value || value->empty() || *value == "auto") {
        return std::nullopt;
    }
    static constexpr std::string_view off[]{"0", "no", "n", "false", "f", "off"};
    return std::find(std::begin(off), std::end(off), *value) == std::end(off);
}

std::size_t number_of(const std::optional<std::string>& text)
{
    std::size_t number = 0;
    if (text) {
        std::from_chars(text->data(), text->data() + text->size(), number);
    }
    constexpr std::size_t columns_max = 10'000;
    return std::min(number, columns_max);
}

bool write_to(int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::string pager_command()
{
    for (const auto* name : {"SYSTEMD_PAGER", "PAGER"}) {
        if (const auto* value = std::getenv(name)) {
            return value; // "" or "cat": none
        }
    }
    return "less";
}

// In a child whose standard input is `in`.
[[noreturn]] void become_pager(int in, const std::string& command)
{
    ::dup2(in, STDIN_FILENO);
    std::signal(SIGPIPE, SIG_DFL);
    ::setenv("LESS", "FRSXMK", 0);
    ::setenv("LESSCHARSET", "utf-8", 0);
    if (std::getenv("SUDO_UID") != nullptr) { // who may run virtpinctl gets no shell by less
        ::setenv("LESSSECURE", "1", 1);
    }
    ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
}

} // namespace

Look choose_look(const TerminalFacts& facts, bool legend)
{
    const auto term = facts.variable("TERM");
    const auto plain =
        facts.variable("NO_COLOR").value_or("") != "" || term.value_or("dumb") == "dumb";
    const auto wanted = switch_of(facts.variable("SYSTEMD_COLORS"));
    const auto columns = number_of(facts.variable("COLUMNS"));
    constexpr std::size_t usual_width = 80;
    const auto terminal_width = facts.columns > 0 ? facts.columns : usual_width;
    return {.width = !facts.out_is_terminal ? 0
                     : columns > 0          ? columns
                                            : terminal_width,
            .utf8 = facts.codeset == "UTF-8",
            .colour = wanted.value_or(facts.out_is_terminal && !plain),
            .legend = legend};
}

TerminalFacts terminal_facts()
{
    std::setlocale(LC_ALL, "");
    winsize size{};
    const auto known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return {.out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
            .columns = known ? size.ws_col : 0U,
            .rows = known ? size.ws_row : 0U,
            .codeset = ::nl_langinfo(CODESET),
            .variable = [](const char* name) -> std::optional<std::string> {
                const auto* value = std::getenv(name);
                return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
            }};
}

bool write_output(std::string_view text)
{
    if (reader_has_gone || write_to(STDOUT_FILENO, text)) {
        return true;
    }
    reader_has_gone = errno == EPIPE;
    return reader_has_gone;
}

bool output_is_closed()
{
    return reader_has_gone;
}

bool write_paged(std::string_view text, const TerminalFacts& facts)
{
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    const auto command = pager_command();
    const auto fits = facts.rows == 0 || lines < facts.rows;
    std::array<int, 2> ends{};
    if (!facts.out_is_terminal || fits || command.empty() || command == "cat" ||
        ::pipe(ends.data()) != 0) {
        return write_output(text);
    }
    const auto child = ::fork();
    if (child == 0) {
        ::close(ends[1]);
        become_pager(ends[0], command);
    }
    ::close(ends[0]);
    const auto written = child > 0 && (write_to(ends[1], text) || errno == EPIPE);
    ::close(ends[1]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    constexpr int no_such_pager = 127;
    const auto ran = written && !(WIFEXITED(status) && WEXITSTATUS(status) == no_such_pager);
    return ran || write_output(text);
}

std::optional<bool> confirm(const std::string& question)
{
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
        return std::nullopt;
    }
    std::cerr << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

} // namespace virtpind::client
