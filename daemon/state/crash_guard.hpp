// SPDX-License-Identifier: LGPL-2.1-or-later
// Which domain was at work when the process died, over its death: a file <state-dir>/crash-guard of
// lines of 64 bytes. Three starts in a row that die at one domain leave it alone at the next one
// (decision 56). Until the first pass of a process has gone through, each turn of a domain is one
// write of a line to the page cache, which outlives a process, if not a power failure; nothing is
// synced, and after that pass the file is closed: nothing is written, and nobody who wants to make
// the file system read-only finds it busy. Bounded: as many lines as domains_max, and
// anything else in its place is as if there were no file.
#pragma once

#include "common/base/unique_fd.hpp"
#include "common/model/domain_watch.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::host {

class CrashGuard {
public:
    static constexpr unsigned deaths_max = 3;
    static constexpr std::size_t domains_max = 64; // with deaths; further ones are not counted
    static constexpr std::size_t line_bytes = 64;

    // Reads what the last process left, and counts. Blocking; of a state directory that is locked.
    // A file that cannot be used is a problem to be told, and then nothing outlives this process.
    // Another `version` of the program starts anew: it may have mended what killed the last one.
    CrashGuard(const std::filesystem::path& state_dir, std::string_view version);
    // In order: nobody was at work.
    ~CrashGuard();
    CrashGuard(const CrashGuard&) = delete;
    CrashGuard& operator=(const CrashGuard&) = delete;

    // What was found, as sentences for the log.
    [[nodiscard]] const std::vector<std::string>& to_tell() const noexcept { return to_tell_; }

    // To be told of the turns of domains on the main thread, and on the worker.
    [[nodiscard]] DomainWatch& main() noexcept { return main_; }

    [[nodiscard]] DomainWatch& worker() noexcept { return worker_; }

    // ---- worker thread ----------------------------------------------------------------------
    // Whether a start died at it, so that leaves_alone() has to be asked.
    [[nodiscard]] bool suspects(const DomainUuid& domain) const;
    // Whether its definition, which nobody has parsed, is to be left unread. A definition other
    // than the one that was seen before gets another chance.
    [[nodiscard]] bool leaves_alone(const DomainUuid& domain, std::string_view definition);

    // ---- main thread ------------------------------------------------------------------------
    // Every domain but those that are left alone was looked at, planned and seen to.
    void pass_gone_through();
    // Somebody asks for it: whatever happened before is forgotten.
    void look_anew(const DomainUuid& domain);

private:
    struct Deaths {
        unsigned count = 0;
        std::uint64_t definition = 0; // its digest; 0: not seen yet
    };

    class Slot final : public DomainWatch {
    public:
        Slot(CrashGuard& guard, std::size_t line) : guard_{guard}, line_{line} {}

        void at(const DomainUuid& domain) override;
        void done() override;

    private:
        CrashGuard& guard_;
        const std::size_t line_;
        bool marked_ = false;
    };

    using Found = std::map<DomainUuid, Deaths>;

    [[nodiscard]] std::string open();
    void close() noexcept;
    void arm();
    void read(std::string_view version);
    void count_deaths(const std::vector<DomainUuid>& at_work);
    void write_line(std::size_t line, const std::string& text) noexcept;
    void put_line(std::size_t line, const std::string& text) noexcept;
    void write_deaths();

    const std::filesystem::path state_dir_;
    const std::string version_;
    std::vector<std::string> to_tell_;
    std::atomic<bool> armed_{true};
    std::mutex file_mutex_;    // for the next; taken last
    loop::UniqueFd file_;      // closed where it cannot be used, and while nothing is to be written
    mutable std::mutex mutex_; // for the next
    Found deaths_;
    Slot main_{*this, 1};
    Slot worker_{*this, 2};
};

// What is said of a domain that is left alone for it.
[[nodiscard]] std::string why_left_alone();

} // namespace virtpind::host
