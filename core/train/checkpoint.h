// A checkpoint: tensors by name and a JSON state in one safetensors file, whole or absent (temporary name, fsync,
// rename).
//
// What is in it must be enough to go on bit by bit: parameters, moments, counters, best weights so far. Random numbers
// need no state: they are drawn by (seed, purpose, epoch, step). One thread at a time.
// Errors: HEDDLE_DATA_LOSS for a damaged file, HEDDLE_FAILED_PRECONDITION for one that belongs to another run.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/store/safetensors.h"
#include "core/train/parameters.h"

namespace heddle {

class CheckpointWriter {
 public:
  // Every entry under prefix + the parameter's name; entries that are not there (buffers among moments) are left out.
  void add(const std::string& prefix, const std::vector<ParameterInfo>& infos, const TensorList& tensors);
  void add(const std::string& name, const std::vector<int64_t>& values);
  // Writes the file with `state` in its metadata.
  void write(const std::filesystem::path& path, const nlohmann::json& state) const;

 private:
  struct Entry {
    std::string name;
    DLDataType type;
    std::vector<int64_t> shape;
    std::vector<char> bytes;
  };
  std::vector<Entry> entries_;
};

class CheckpointReader {
 public:
  explicit CheckpointReader(const std::filesystem::path& path);
  const nlohmann::json& state() const { return state_; }
  void read(const std::string& prefix, const std::vector<ParameterInfo>& infos, TensorList& tensors) const;
  std::vector<int64_t> integers(const std::string& name) const;

 private:
  SafeTensors file_;
  nlohmann::json state_;
};

// Refuses a checkpoint whose state["identity"] is not `identity`, naming the first key that differs.
void check_identity(const CheckpointReader& checkpoint, const nlohmann::json& identity,
                    const std::filesystem::path& path);

// A trained model: its parameters under their declared names and nothing else, so that other programs can read it.
// metadata: a JSON object; each of its keys becomes a key of the file's metadata.
void save_parameters(const ParameterSet& parameters, const nlohmann::json& metadata, const std::filesystem::path& path);
// Strict: the same names, shapes and f32. Returns the metadata, values that are JSON parsed.
nlohmann::json load_parameters(ParameterSet& parameters, const std::filesystem::path& path, const std::string& who);

// Decides when a checkpoint is due: every `seconds` of wall clock.
class CheckpointClock {
 public:
  explicit CheckpointClock(double seconds);
  bool due() const;
  void written();

 private:
  double seconds_, last_;
};

}  // namespace heddle
