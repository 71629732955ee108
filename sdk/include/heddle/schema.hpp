// Schema: the options of a component, declared once. From this the host validates experiment files, writes reference
// pages and cache keys; and the component receives a filled struct.
//
//   struct Options { double l1 = 0.1; Reconstruction loss = Reconstruction::l2_norm; } options;
//   static constexpr Schema schema{
//       field("l1", &Options::l1).range(0, 100).doc("Weight of the mean L1 norm of the codes."),
//       field("loss", &Options::loss).choices("l2_norm", "l2_squared").doc("Reconstruction loss.")};
//
// A default is the initialiser of the member, and stands nowhere else. Members may be bool, any integer, double or
// float,
// std::string_view (its text lives as long as the instance, and ends in a zero), an enum (choices() names its values
// 0, 1, 2 ...), and std::vector of int64_t, double or std::string (the initialiser of a vector stays empty; write its
// default as by_default("1,2,3")).
// Everything is constant-initialised. Errors: INTERNAL when the host hands over other values than were declared.
#pragma once

#include <array>
#include <deque>
#include <limits>
#include <tuple>
#include <vector>

#include "status.hpp"

namespace heddle::sdk {

namespace detail {
template <class M>
inline constexpr int32_t param_type = [] {
  if constexpr (std::same_as<M, bool>) return HEDDLE_PARAM_BOOL;
  else if constexpr (std::is_enum_v<M>) return HEDDLE_PARAM_CHOICE;
  else if constexpr (std::integral<M>) return HEDDLE_PARAM_INT;
  else if constexpr (std::floating_point<M>) return HEDDLE_PARAM_FLOAT;
  else if constexpr (std::same_as<M, std::string_view>) return HEDDLE_PARAM_STRING;
  else if constexpr (std::same_as<M, std::vector<int64_t>>) return HEDDLE_PARAM_INT_LIST;
  else if constexpr (std::same_as<M, std::vector<double>>) return HEDDLE_PARAM_FLOAT_LIST;
  else if constexpr (std::same_as<M, std::vector<std::string>>) return HEDDLE_PARAM_STRING_LIST;
  else
    static_assert(
        sizeof(M) == 0,
        "an option is a bool, integer, double, enum, std::string_view or std::vector of int64_t, double, std::string");
}();
template <class M>
inline constexpr bool is_list = param_type<M> >= HEDDLE_PARAM_INT_LIST;
}  // namespace detail

template <class Options, class Member, std::size_t Choices = 0>
struct Field {
  using options_type = Options;
  using member_type = Member;
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  const char* name;
  Member Options::*member;
  const char* unit_text = "";
  const char* doc_text = "";
  const char* default_text = nullptr;  // lists only
  double minimum = -infinity, maximum = infinity;
  uint32_t flags = 0;
  int32_t type = detail::param_type<Member>;
  std::array<const char*, Choices> choice_names{};

  // Inclusive bounds.
  constexpr Field range(double low, double high = infinity) const {
    static_assert(!std::same_as<Member, bool> && !std::is_enum_v<Member> && !std::same_as<Member, std::string_view>);
    Field out = *this;
    out.minimum = low;
    out.maximum = high;
    return out;
  }
  constexpr Field unit(const char* text) const { return with(&Field::unit_text, text); }
  constexpr Field doc(const char* text) const { return with(&Field::doc_text, text); }  // one sentence
  constexpr Field by_default(const char* text) const {
    static_assert(detail::is_list<Member>, "the default is the member's initialiser; by_default() is for lists");
    return with(&Field::default_text, text);
  }
  // A file or folder; the host makes it absolute.
  constexpr Field path() const {
    static_assert(std::same_as<Member, std::string_view>);
    return with(&Field::type, int32_t{HEDDLE_PARAM_PATH});
  }
  constexpr Field required() const { return with(&Field::flags, flags | HEDDLE_PARAM_REQUIRED); }
  constexpr Field not_numeric() const {
    return with(&Field::flags, flags | HEDDLE_PARAM_NOT_NUMERIC);
  }  // outside cache keys
  constexpr Field experimental() const { return with(&Field::flags, flags | HEDDLE_PARAM_EXPERIMENTAL); }
  // The names of an enum's values, in order from 0.
  template <class... Names>
  constexpr auto choices(Names... names) const {
    static_assert(std::is_enum_v<Member>, "choices() are for enums");
    return Field<Options, Member, sizeof...(Names)>{name,    member,  unit_text, doc_text, default_text,
                                                    minimum, maximum, flags,     type,     {names...}};
  }

 private:
  template <class T>
  constexpr Field with(T Field::*what, T value) const {
    Field out = *this;
    out.*what = value;
    return out;
  }
};

template <class Options, class Member>
constexpr Field<Options, Member> field(const char* name, Member Options::*member) {
  return {name, member};
}

template <class... Fields>
struct Schema {
  std::tuple<Fields...> fields;
  static constexpr std::size_t size = sizeof...(Fields);
  constexpr explicit Schema(Fields... f) : fields(f...) {}
};

namespace detail {

template <class Self>
concept HasSchema = requires {
  Self::schema.fields;
};

template <class Self, std::size_t I>
constexpr const auto& field_of() {
  return std::get<I>(Self::schema.fields);
}

// The initialiser of the I-th option.
template <class Self, std::size_t I>
constexpr auto default_of() {
  return typename std::remove_cvref_t<decltype(field_of<Self, I>())>::options_type{}.*field_of<Self, I>().member;
}

template <class Self, std::size_t I>
constexpr heddle_param param_of() {
  constexpr auto& f = field_of<Self, I>();
  using F = std::remove_cvref_t<decltype(f)>;
  using M = typename F::member_type;
  heddle_param p{};
  p.struct_size = sizeof p;
  p.flags = f.flags;
  p.type = f.type;
  p.name = f.name;
  p.unit = f.unit_text;
  p.doc = f.doc_text;
  p.minimum = f.minimum;
  p.maximum = f.maximum;
  if constexpr (std::is_enum_v<M>) {
    static_assert(!f.choice_names.empty(), "an enum option needs choices()");
    p.n_choices = static_cast<uint32_t>(f.choice_names.size());
    p.choices = f.choice_names.data();
    p.default_int = static_cast<int64_t>(default_of<Self, I>());
  } else if constexpr (std::integral<M>) {
    p.default_int = static_cast<int64_t>(default_of<Self, I>());
  } else if constexpr (std::floating_point<M>) {
    p.default_float = static_cast<double>(default_of<Self, I>());
  } else if constexpr (std::same_as<M, std::string_view>) {
    p.default_string = default_of<Self, I>().data();  // a literal: ends in a zero
  } else {
    static_assert(default_of<Self, I>().empty(), "write the default of a list as by_default(\"…\")");
    p.default_string = f.default_text;
  }
  return p;
}

template <class Self, std::size_t... I>
constexpr auto params_of(std::index_sequence<I...>) {
  return std::array<heddle_param, sizeof...(I)>{param_of<Self, I>()...};
}
// The array that the host reads.
template <HasSchema Self>
inline constexpr auto params = params_of<Self>(std::make_index_sequence<decltype(Self::schema)::size>{});

using Texts = std::deque<std::string>;  // what string_view options point into; a deque keeps their addresses

template <class Options, class F>
void read_field(Options& options, [[maybe_unused]] Texts& texts, const F& f, const heddle_value& v) {
  using M = typename F::member_type;
  if (v.type != f.type)
    raise(HEDDLE_INTERNAL, "the host gave option ", f.name, " as type ", v.type, ", declared as ", f.type);
  M& out = options.*f.member;
  if constexpr (std::same_as<M, bool>) {
    out = v.i != 0;
  } else if constexpr (std::is_enum_v<M>) {
    out = static_cast<M>(v.i);
  } else if constexpr (std::integral<M>) {
    if (!std::in_range<M>(v.i)) raise(HEDDLE_OUT_OF_RANGE, "option ", f.name, " = ", v.i, " does not fit its type");
    out = static_cast<M>(v.i);
  } else if constexpr (std::floating_point<M>) {
    out = static_cast<M>(v.f);
  } else if constexpr (std::same_as<M, std::string_view>) {
    out = texts.emplace_back(v.s == nullptr ? "" : v.s);
  } else if constexpr (std::same_as<M, std::vector<std::string>>) {
    const auto* list = static_cast<const char* const*>(v.list);
    out.assign(list, list + v.n);
  } else {
    const auto* list = static_cast<const typename M::value_type*>(v.list);
    out.assign(list, list + v.n);
  }
}

template <class Self, class Options, std::size_t... I>
void read_fields(Options& options, Texts& texts, const heddle_values& values, std::index_sequence<I...>) {
  const auto* bytes = reinterpret_cast<const char*>(values.values);  // a newer host's entries may be longer than ours
  const std::size_t stride = values.values->struct_size;
  (read_field(options, texts, field_of<Self, I>(), *reinterpret_cast<const heddle_value*>(bytes + I * stride)), ...);
}

// Fills options from what the host validated.
template <class Self, class Options>
void read_options(Options& options, Texts& texts, const heddle_values* values) {
  constexpr std::size_t size = decltype(Self::schema)::size;
  if (values == nullptr || values->count != size)
    raise(HEDDLE_INTERNAL, "the host gave ", values == nullptr ? 0 : values->count, " options, declared are ", size);
  read_fields<Self>(options, texts, *values, std::make_index_sequence<size>{});
}

}  // namespace detail
}  // namespace heddle::sdk
