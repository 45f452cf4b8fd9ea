// SPDX-License-Identifier: LGPL-2.1-or-later
// Remembers beyond the death of the process which domain it was working on, in the file
// <state-dir>/crash-guard with lines of 64 bytes. After three starts in a row that die at
// one domain, the next start leaves it alone (decision 56). Until the first pass has ended,
// each turn of a domain writes one line to the page cache, which outlives the process;
// nothing is synced. After that pass the file is closed, so that it does not keep the file
// system busy. The file has at most domains_max lines; a file with other contents counts as
// absent.
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

namespace virtpind {

class CrashGuard {
public:
    static constexpr unsigned deaths_max = 3;
    static constexpr std::size_t domains_max = 64; // with deaths; further domains are not counted
    static constexpr std::size_t line_bytes = 64;

    // Reads the file of the last process, and counts. Blocking; the state directory must be locked.
    // An unusable file is reported, and nothing then outlives this process. Another `version` of
    // the program starts anew, because it may fix the crash.
    CrashGuard(const std::filesystem::path& state_dir, std::string_view version);
    // An orderly end: no domain was at work.
    ~CrashGuard();
    CrashGuard(const CrashGuard&) = delete;
    CrashGuard& operator=(const CrashGuard&) = delete;

    // The findings, as sentences for the log.
    [[nodiscard]] const std::vector<std::string>& to_tell() const noexcept { return to_tell_; }

    // The watches of the domains' turns: of the main thread, and of the worker.
    [[nodiscard]] DomainWatch& main() noexcept { return main_; }

    [[nodiscard]] DomainWatch& worker() noexcept { return worker_; }

    // ---- worker thread ----------------------------------------------------------------------
    // Whether a start died at it; leaves_alone() must then be asked.
    [[nodiscard]] bool suspects(const DomainUuid& domain) const;
    // Whether its definition must be left unread. A definition other than the one seen before gets
    // another chance.
    [[nodiscard]] bool leaves_alone(const DomainUuid& domain, std::string_view definition);

    // ---- main thread ------------------------------------------------------------------------
    // Every domain has been observed, planned and processed, except those left alone.
    void pass_gone_through();
    // A caller asks for it: its deaths are forgotten.
    void look_anew(const DomainUuid& domain);

private:
    struct Deaths {
        unsigned count = 0;
        std::uint64_t definition = 0; // its digest; 0: unknown
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
    loop::UniqueFd file_;      // closed when it is unusable or not needed
    mutable std::mutex mutex_; // for the next
    Found deaths_;
    Slot main_{*this, 1};
    Slot worker_{*this, 2};
};

// The message about a domain that is left alone because of this.
[[nodiscard]] std::string why_left_alone();

} // namespace virtpind
