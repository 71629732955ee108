// Trainable tensors of a backbone or dictionary, declared once when an instance is made; the host allocates,
// initialises, optimises, saves and loads them. A Param is the handle of one; ops[param] is its value in the running
// call.
//
//   weight = p.add("encoder.weight", {m, d}).uniform(1 / std::sqrt(d)).role(HEDDLE_ROLE_ENCODER);
#pragma once

#include <deque>
#include <vector>

#include "tensor.hpp"

namespace heddle::sdk {

struct Param {
  int32_t index = -1;
  explicit operator bool() const noexcept { return index >= 0; }
};

class Parameters {
 public:
  // Says more about the tensor just added; without a word it starts at zero, unconstrained. Converts to its Param.
  class Declared {
   public:
    Declared& constant(double value) { return init(HEDDLE_INIT_CONSTANT, value); }
    Declared& normal(double deviation) { return init(HEDDLE_INIT_NORMAL, deviation); }
    Declared& uniform(double bound) { return init(HEDDLE_INIT_UNIFORM, bound); }  // U(-bound, bound)
    // Gaussian rows scaled to this norm.
    Declared& unit_rows(double norm = 1) { return init(HEDDLE_INIT_UNIT_ROWS, norm); }
    // scale * a parameter of the same shape declared before.
    Declared& copy_of(Param source, double scale = 1) {
      self().init_source = source.index;
      return init(HEDDLE_INIT_COPY, scale);
    }
    Declared& geometric_median() { return init(HEDDLE_INIT_GEOMETRIC_MEDIAN, 1); }  // of the first inputs, dictionaries
    Declared& data_mean() { return init(HEDDLE_INIT_DATA_MEAN, 1); }
    // The host projects the gradient and renormalises the rows after each update.
    Declared& keep_unit_rows() {
      self().constraint = HEDDLE_CONSTRAINT_UNIT_ROWS;
      return *this;
    }
    // What it means to others: HEDDLE_ROLE_*.
    Declared& role(int32_t role) {
      self().role = role;
      return *this;
    }
    // Saved and loaded, never optimised: the plugin writes it during training.
    Declared& buffer() {
      self().flags |= HEDDLE_PARAMETER_BUFFER;
      return *this;
    }
    operator Param() const noexcept { return {index_}; }

   private:
    friend class Parameters;
    Declared(Parameters& owner, int32_t index) : owner_(owner), index_(index) {}
    heddle_parameter& self() { return owner_.items_.at(static_cast<std::size_t>(index_)); }
    Declared& init(int32_t kind, double scale) {
      self().init = kind;
      self().init_scale = scale;
      return *this;
    }
    Parameters& owner_;
    int32_t index_;
  };

  // name is the tensor's name in the saved file.
  Declared add(std::string name, std::initializer_list<int64_t> shape) {
    if (shape.size() < 1 || shape.size() > 4)
      raise(HEDDLE_INVALID_ARGUMENT, "parameter ", name, " has ", shape.size(), " dimensions, 1 to 4 are possible");
    names_.push_back(std::move(name));
    heddle_parameter item{sizeof(heddle_parameter),
                          0,
                          names_.back().c_str(),
                          static_cast<int32_t>(shape.size()),
                          HEDDLE_INIT_ZEROS,
                          HEDDLE_CONSTRAINT_NONE,
                          HEDDLE_ROLE_OTHER,
                          0.0,
                          -1,
                          {1, 1, 1, 1}};
    for (std::size_t i = 0; i < shape.size(); ++i) item.shape[i] = shape.begin()[i];
    items_.push_back(item);
    return Declared(*this, static_cast<int32_t>(items_.size() - 1));
  }

  // Says more about a tensor declared before: p[encoder].uniform(0.1).
  Declared operator[](Param p) { return Declared(*this, p.index); }

  heddle_parameters raw() const noexcept { return {sizeof(heddle_parameters), 0, items_.size(), items_.data()}; }

 private:
  std::deque<std::string> names_;  // a deque: addresses of the texts stay put
  std::vector<heddle_parameter> items_;
};

}  // namespace heddle::sdk
