// Stubs for the slots that a plugin leaves out, generated from the slot's function-pointer type (internal to
// core/plugin).
#pragma once

#include <type_traits>

#include "core/base/error.h"

namespace heddle::detail {

// A slot's name as a template argument, so that its stub can say it.
template <size_t N>
struct SlotName {
  char text[N];
  constexpr SlotName(const char (&name)[N]) {  // NOLINT: converts on purpose
    for (size_t i = 0; i < N; ++i) text[i] = name[i];
  }
};

template <SlotName Name, class Function>
struct Stub;

template <SlotName Name, class Result, class... Args>
struct Stub<Name, Result (*)(Args...)> {
  static Result call(Args... args) noexcept {
    [[maybe_unused]] heddle_error* error = nullptr;
    [[maybe_unused]] auto pick = [&]<class A>(A arg) {
      if constexpr (std::is_same_v<A, heddle_error*>) error = arg;
    };
    (pick(args), ...);
    if constexpr (std::is_same_v<Result, int32_t> && (std::is_same_v<Args, heddle_error*> || ...)) {
      return set_error(error, HEDDLE_UNIMPLEMENTED, message);
    } else if constexpr (std::is_same_v<Result, int32_t>) {
      return 0;  // a question (supports, probe): no
    } else if constexpr (std::is_pointer_v<Result>) {
      return nullptr;
    } else {
      static_assert(std::is_void_v<Result>);
    }
  }

  static constexpr auto make_message() {
    constexpr std::string_view before = "slot '", after = "' is not provided by this plugin";
    struct Text {
      char text[before.size() + sizeof(Name.text) - 1 + after.size() + 1];
    } out{};
    size_t at = 0;
    for (char c : before) out.text[at++] = c;
    for (size_t i = 0; i + 1 < sizeof(Name.text); ++i) out.text[at++] = Name.text[i];
    for (char c : after) out.text[at++] = c;
    out.text[at] = 0;
    return out;
  }
  static constexpr auto storage = make_message();
  static constexpr std::string_view message{storage.text, sizeof(storage.text) - 1};
};

using AnyFunction = void (*)();

struct Slot {
  const char* name;
  size_t offset;
  bool required;
  AnyFunction stub;
};

}  // namespace heddle::detail
