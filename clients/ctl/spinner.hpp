// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells on a terminal what is waited for, when it takes longer than two seconds.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace virtpind::client {

class Spinner {
public:
    // Shows nothing where standard error is no terminal. `utf8`: the terminal's characters.
    Spinner(std::string what, bool utf8);
    // Takes the line away.
    ~Spinner();
    Spinner(const Spinner&) = delete;
    Spinner& operator=(const Spinner&) = delete;

private:
    void turn() const;

    std::string what_;
    bool utf8_;
    mutable std::mutex mutex_;
    mutable std::condition_variable ended_;
    bool end_ = false;
    std::thread thread_; // writes to standard error, and nothing else
};

} // namespace virtpind::client
