// Golden layout of ABI 1.0: every offset, size and constant. Written by generate_layout.py then frozen: a change that
// does not compile here breaks plugins that are out in the world. Nothing may move; structs grow at their end, and only
// with a minor version.
// clang-format off
#include "heddle/abi.h"

#define SIZE(type, n) static_assert(sizeof(type) == (n) || (HEDDLE_ABI_MINOR > 0 && sizeof(type) > (n)), #type)
#define AT(type, field, n) static_assert(offsetof(type, field) == (n), #type "." #field)
#define IS(name, n) static_assert((name) == (n), #name)

SIZE(heddle_error, 32); AT(heddle_error, struct_size, 0); AT(heddle_error, flags, 4); AT(heddle_error, code, 8);
AT(heddle_error, capacity, 12); AT(heddle_error, length, 16); AT(heddle_error, text, 24);

SIZE(heddle_codes, 88); AT(heddle_codes, struct_size, 0); AT(heddle_codes, flags, 4); AT(heddle_codes, rows, 8);
AT(heddle_codes, width, 16); AT(heddle_codes, nnz, 24); AT(heddle_codes, capacity, 32); AT(heddle_codes, offsets, 40);
AT(heddle_codes, indices, 48); AT(heddle_codes, values, 56); AT(heddle_codes, pre, 64); AT(heddle_codes, device, 72);
AT(heddle_codes, device_data, 80);

SIZE(heddle_rng_key, 16); AT(heddle_rng_key, seed, 0); AT(heddle_rng_key, stream, 8);

SIZE(heddle_gemm, 72); AT(heddle_gemm, struct_size, 0); AT(heddle_gemm, flags, 4); AT(heddle_gemm, transpose_a, 8);
AT(heddle_gemm, transpose_b, 12); AT(heddle_gemm, alpha, 16); AT(heddle_gemm, beta, 20);
AT(heddle_gemm, activation, 24); AT(heddle_gemm, precision, 28); AT(heddle_gemm, a, 32); AT(heddle_gemm, b, 40);
AT(heddle_gemm, c, 48); AT(heddle_gemm, bias, 56); AT(heddle_gemm, pre, 64);

SIZE(heddle_layer_norm, 64); AT(heddle_layer_norm, struct_size, 0); AT(heddle_layer_norm, flags, 4);
AT(heddle_layer_norm, epsilon, 8); AT(heddle_layer_norm, x, 16); AT(heddle_layer_norm, gamma, 24);
AT(heddle_layer_norm, beta, 32); AT(heddle_layer_norm, y, 40); AT(heddle_layer_norm, mean, 48);
AT(heddle_layer_norm, rstd, 56);

SIZE(heddle_layer_norm_backward, 80); AT(heddle_layer_norm_backward, struct_size, 0);
AT(heddle_layer_norm_backward, flags, 4); AT(heddle_layer_norm_backward, accumulate_dx, 8);
AT(heddle_layer_norm_backward, reserved, 12); AT(heddle_layer_norm_backward, x, 16);
AT(heddle_layer_norm_backward, gamma, 24); AT(heddle_layer_norm_backward, mean, 32);
AT(heddle_layer_norm_backward, rstd, 40); AT(heddle_layer_norm_backward, dy, 48);
AT(heddle_layer_norm_backward, dx, 56); AT(heddle_layer_norm_backward, dgamma, 64);
AT(heddle_layer_norm_backward, dbeta, 72);

SIZE(heddle_attention, 96); AT(heddle_attention, struct_size, 0); AT(heddle_attention, flags, 4);
AT(heddle_attention, heads, 8); AT(heddle_attention, causal, 12); AT(heddle_attention, dropout, 16);
AT(heddle_attention, rng, 24); AT(heddle_attention, offsets, 40); AT(heddle_attention, key_mask, 48);
AT(heddle_attention, q, 56); AT(heddle_attention, k, 64); AT(heddle_attention, v, 72); AT(heddle_attention, out, 80);
AT(heddle_attention, log_sum_exp, 88);

SIZE(heddle_attention_backward, 48); AT(heddle_attention_backward, struct_size, 0);
AT(heddle_attention_backward, flags, 4); AT(heddle_attention_backward, forward, 8);
AT(heddle_attention_backward, dout, 16); AT(heddle_attention_backward, dq, 24); AT(heddle_attention_backward, dk, 32);
AT(heddle_attention_backward, dv, 40);

SIZE(heddle_cross_entropy, 96); AT(heddle_cross_entropy, struct_size, 0); AT(heddle_cross_entropy, flags, 4);
AT(heddle_cross_entropy, scale, 8); AT(heddle_cross_entropy, precision, 16); AT(heddle_cross_entropy, reserved, 20);
AT(heddle_cross_entropy, hidden, 24); AT(heddle_cross_entropy, table, 32); AT(heddle_cross_entropy, bias, 40);
AT(heddle_cross_entropy, targets, 48); AT(heddle_cross_entropy, loss_sum, 56); AT(heddle_cross_entropy, count, 64);
AT(heddle_cross_entropy, dhidden, 72); AT(heddle_cross_entropy, dtable, 80); AT(heddle_cross_entropy, dbias, 88);

SIZE(heddle_top_n, 48); AT(heddle_top_n, struct_size, 0); AT(heddle_top_n, flags, 4); AT(heddle_top_n, scores, 8);
AT(heddle_top_n, seen_offsets, 16); AT(heddle_top_n, seen_items, 24); AT(heddle_top_n, items, 32);
AT(heddle_top_n, top_scores, 40);

SIZE(heddle_adam, 104); AT(heddle_adam, struct_size, 0); AT(heddle_adam, flags, 4); AT(heddle_adam, learning_rate, 8);
AT(heddle_adam, beta1, 16); AT(heddle_adam, beta2, 24); AT(heddle_adam, epsilon, 32); AT(heddle_adam, weight_decay, 40);
AT(heddle_adam, grad_scale, 48); AT(heddle_adam, step, 56); AT(heddle_adam, unit_rows, 64);
AT(heddle_adam, reserved, 68); AT(heddle_adam, param, 72); AT(heddle_adam, grad, 80); AT(heddle_adam, m, 88);
AT(heddle_adam, v, 96);

SIZE(heddle_select, 40); AT(heddle_select, struct_size, 0); AT(heddle_select, flags, 4); AT(heddle_select, rule, 8);
AT(heddle_select, margin, 12); AT(heddle_select, k, 16); AT(heddle_select, threshold, 24);
AT(heddle_select, features, 32);

SIZE(heddle_encode, 64); AT(heddle_encode, struct_size, 0); AT(heddle_encode, flags, 4);
AT(heddle_encode, precision, 8); AT(heddle_encode, reserved, 12); AT(heddle_encode, x, 16);
AT(heddle_encode, center, 24); AT(heddle_encode, weight, 32); AT(heddle_encode, bias, 40);
AT(heddle_encode, select, 48); AT(heddle_encode, codes, 56);

SIZE(heddle_reconstruction, 56); AT(heddle_reconstruction, struct_size, 0); AT(heddle_reconstruction, flags, 4);
AT(heddle_reconstruction, kind, 8); AT(heddle_reconstruction, reserved, 12); AT(heddle_reconstruction, scale, 16);
AT(heddle_reconstruction, x, 24); AT(heddle_reconstruction, y, 32); AT(heddle_reconstruction, loss, 40);
AT(heddle_reconstruction, dy, 48);

SIZE(heddle_threshold_backward, 56); AT(heddle_threshold_backward, struct_size, 0);
AT(heddle_threshold_backward, flags, 4); AT(heddle_threshold_backward, bandwidth, 8);
AT(heddle_threshold_backward, l0_weight, 16); AT(heddle_threshold_backward, codes, 24);
AT(heddle_threshold_backward, dvalues, 32); AT(heddle_threshold_backward, threshold, 40);
AT(heddle_threshold_backward, dthreshold, 48);

SIZE(heddle_attention_suffix, 88); AT(heddle_attention_suffix, struct_size, 0); AT(heddle_attention_suffix, flags, 4);
AT(heddle_attention_suffix, heads, 8); AT(heddle_attention_suffix, causal, 12);
AT(heddle_attention_suffix, suffix_offsets, 16); AT(heddle_attention_suffix, prefix_begin, 24);
AT(heddle_attention_suffix, prefix_end, 32); AT(heddle_attention_suffix, kept_k, 40);
AT(heddle_attention_suffix, kept_v, 48); AT(heddle_attention_suffix, q, 56); AT(heddle_attention_suffix, k, 64);
AT(heddle_attention_suffix, v, 72); AT(heddle_attention_suffix, out, 80);

SIZE(heddle_sample_candidates, 64); AT(heddle_sample_candidates, struct_size, 0);
AT(heddle_sample_candidates, flags, 4); AT(heddle_sample_candidates, items, 8); AT(heddle_sample_candidates, count, 16);
AT(heddle_sample_candidates, rng, 24); AT(heddle_sample_candidates, targets, 40);
AT(heddle_sample_candidates, weights, 48); AT(heddle_sample_candidates, codes, 56);

SIZE(heddle_candidate_loss, 88); AT(heddle_candidate_loss, struct_size, 0); AT(heddle_candidate_loss, flags, 4);
AT(heddle_candidate_loss, kind, 8); AT(heddle_candidate_loss, reserved, 12); AT(heddle_candidate_loss, scale, 16);
AT(heddle_candidate_loss, positive_power, 24); AT(heddle_candidate_loss, codes, 32);
AT(heddle_candidate_loss, targets, 40); AT(heddle_candidate_loss, logits, 48);
AT(heddle_candidate_loss, corrections, 56); AT(heddle_candidate_loss, loss_sum, 64);
AT(heddle_candidate_loss, count, 72); AT(heddle_candidate_loss, dlogits, 80);

SIZE(heddle_ops, 336); AT(heddle_ops, struct_size, 0); AT(heddle_ops, flags, 4); AT(heddle_ops, supports, 8);
AT(heddle_ops, gemm, 16); AT(heddle_ops, activation_backward, 24); AT(heddle_ops, layer_norm, 32);
AT(heddle_ops, layer_norm_backward, 40); AT(heddle_ops, attention, 48); AT(heddle_ops, attention_backward, 56);
AT(heddle_ops, cross_entropy, 64); AT(heddle_ops, top_n, 72); AT(heddle_ops, dropout, 80);
AT(heddle_ops, gather_rows, 88); AT(heddle_ops, scatter_add_rows, 96); AT(heddle_ops, axpby, 104);
AT(heddle_ops, fill, 112); AT(heddle_ops, copy, 120); AT(heddle_ops, affine_columns, 128);
AT(heddle_ops, sum_rows, 136); AT(heddle_ops, column_moments, 144); AT(heddle_ops, sum_squares, 152);
AT(heddle_ops, normalize_rows, 160); AT(heddle_ops, adam, 168); AT(heddle_ops, random_uniform, 176);
AT(heddle_ops, random_normal, 184); AT(heddle_ops, codes_create, 192); AT(heddle_ops, codes_destroy, 200);
AT(heddle_ops, encode, 208); AT(heddle_ops, codes_from_dense, 216); AT(heddle_ops, codes_to_dense, 224);
AT(heddle_ops, decode, 232); AT(heddle_ops, codes_backward, 240); AT(heddle_ops, codes_weight_gradient, 248);
AT(heddle_ops, codes_column_sum, 256); AT(heddle_ops, codes_count, 264); AT(heddle_ops, codes_summary, 272);
AT(heddle_ops, codes_set, 280); AT(heddle_ops, threshold_backward, 288); AT(heddle_ops, reconstruction, 296);
AT(heddle_ops, parallel_for, 304); AT(heddle_ops, attention_suffix, 312); AT(heddle_ops, sample_candidates, 320);
AT(heddle_ops, candidate_loss, 328);

SIZE(heddle_host, 72); AT(heddle_host, struct_size, 0); AT(heddle_host, flags, 4); AT(heddle_host, abi_major, 8);
AT(heddle_host, abi_minor, 12); AT(heddle_host, name, 16); AT(heddle_host, version, 24); AT(heddle_host, self, 32);
AT(heddle_host, log, 40); AT(heddle_host, cancelled, 48); AT(heddle_host, progress, 56); AT(heddle_host, service, 64);

SIZE(heddle_call, 88); AT(heddle_call, struct_size, 0); AT(heddle_call, flags, 4); AT(heddle_call, ops, 8);
AT(heddle_call, device_context, 16); AT(heddle_call, device, 24); AT(heddle_call, precision, 32);
AT(heddle_call, reserved, 36); AT(heddle_call, rng, 40); AT(heddle_call, self, 56); AT(heddle_call, scratch, 64);
AT(heddle_call, scratch_codes, 72); AT(heddle_call, cancelled, 80);

SIZE(heddle_losses, 24); AT(heddle_losses, struct_size, 0); AT(heddle_losses, flags, 4); AT(heddle_losses, self, 8);
AT(heddle_losses, add, 16);

SIZE(heddle_parameter, 80); AT(heddle_parameter, struct_size, 0); AT(heddle_parameter, flags, 4);
AT(heddle_parameter, name, 8); AT(heddle_parameter, ndim, 16); AT(heddle_parameter, init, 20);
AT(heddle_parameter, constraint, 24); AT(heddle_parameter, role, 28); AT(heddle_parameter, init_scale, 32);
AT(heddle_parameter, init_source, 40); AT(heddle_parameter, shape, 48);

SIZE(heddle_parameters, 24); AT(heddle_parameters, struct_size, 0); AT(heddle_parameters, flags, 4);
AT(heddle_parameters, count, 8); AT(heddle_parameters, items, 16);

SIZE(heddle_tensors, 24); AT(heddle_tensors, struct_size, 0); AT(heddle_tensors, flags, 4);
AT(heddle_tensors, count, 8); AT(heddle_tensors, items, 16);

SIZE(heddle_param, 88); AT(heddle_param, struct_size, 0); AT(heddle_param, flags, 4); AT(heddle_param, type, 8);
AT(heddle_param, n_choices, 12); AT(heddle_param, name, 16); AT(heddle_param, unit, 24); AT(heddle_param, doc, 32);
AT(heddle_param, choices, 40); AT(heddle_param, default_int, 48); AT(heddle_param, default_float, 56);
AT(heddle_param, default_string, 64); AT(heddle_param, minimum, 72); AT(heddle_param, maximum, 80);

SIZE(heddle_value, 56); AT(heddle_value, struct_size, 0); AT(heddle_value, flags, 4); AT(heddle_value, type, 8);
AT(heddle_value, reserved, 12); AT(heddle_value, i, 16); AT(heddle_value, f, 24); AT(heddle_value, s, 32);
AT(heddle_value, n, 40); AT(heddle_value, list, 48);

SIZE(heddle_values, 24); AT(heddle_values, struct_size, 0); AT(heddle_values, flags, 4); AT(heddle_values, count, 8);
AT(heddle_values, values, 16);

SIZE(heddle_interactions_info, 32); AT(heddle_interactions_info, struct_size, 0);
AT(heddle_interactions_info, flags, 4); AT(heddle_interactions_info, user_ids, 8);
AT(heddle_interactions_info, item_ids, 12); AT(heddle_interactions_info, has_time, 16);
AT(heddle_interactions_info, has_value, 20); AT(heddle_interactions_info, expected_events, 24);

SIZE(heddle_event_block, 88); AT(heddle_event_block, struct_size, 0); AT(heddle_event_block, flags, 4);
AT(heddle_event_block, count, 8); AT(heddle_event_block, user, 16); AT(heddle_event_block, item, 24);
AT(heddle_event_block, user_offsets, 32); AT(heddle_event_block, item_offsets, 40);
AT(heddle_event_block, user_text, 48); AT(heddle_event_block, item_text, 56); AT(heddle_event_block, time, 64);
AT(heddle_event_block, value, 72); AT(heddle_event_block, bad_rows, 80);

SIZE(heddle_interactions_vtable, 48); AT(heddle_interactions_vtable, struct_size, 0);
AT(heddle_interactions_vtable, flags, 4); AT(heddle_interactions_vtable, open, 8);
AT(heddle_interactions_vtable, close, 16); AT(heddle_interactions_vtable, info, 24);
AT(heddle_interactions_vtable, next, 32); AT(heddle_interactions_vtable, fingerprint, 40);

SIZE(heddle_catalogue, 32); AT(heddle_catalogue, struct_size, 0); AT(heddle_catalogue, flags, 4);
AT(heddle_catalogue, items, 8); AT(heddle_catalogue, counts, 16); AT(heddle_catalogue, raw_ids, 24);

SIZE(heddle_attribute_sink, 40); AT(heddle_attribute_sink, struct_size, 0); AT(heddle_attribute_sink, flags, 4);
AT(heddle_attribute_sink, self, 8); AT(heddle_attribute_sink, attribute, 16); AT(heddle_attribute_sink, label, 24);
AT(heddle_attribute_sink, title, 32);

SIZE(heddle_attributes_vtable, 40); AT(heddle_attributes_vtable, struct_size, 0);
AT(heddle_attributes_vtable, flags, 4); AT(heddle_attributes_vtable, open, 8); AT(heddle_attributes_vtable, close, 16);
AT(heddle_attributes_vtable, read, 24); AT(heddle_attributes_vtable, fingerprint, 32);

SIZE(heddle_sequences, 64); AT(heddle_sequences, struct_size, 0); AT(heddle_sequences, flags, 4);
AT(heddle_sequences, count, 8); AT(heddle_sequences, tokens, 16); AT(heddle_sequences, offsets, 24);
AT(heddle_sequences, items, 32); AT(heddle_sequences, targets, 40); AT(heddle_sequences, positions, 48);
AT(heddle_sequences, users, 56);

SIZE(heddle_backbone_plan, 16); AT(heddle_backbone_plan, struct_size, 0); AT(heddle_backbone_plan, flags, 4);
AT(heddle_backbone_plan, items, 8);

SIZE(heddle_backbone_info, 48); AT(heddle_backbone_info, struct_size, 0); AT(heddle_backbone_info, flags, 4);
AT(heddle_backbone_info, hidden, 8); AT(heddle_backbone_info, max_length, 16); AT(heddle_backbone_info, batches, 24);
AT(heddle_backbone_info, reserved, 28); AT(heddle_backbone_info, mask_probability, 32);
AT(heddle_backbone_info, last_mask_probability, 40);

SIZE(heddle_training_log, 32); AT(heddle_training_log, struct_size, 0); AT(heddle_training_log, flags, 4);
AT(heddle_training_log, users, 8); AT(heddle_training_log, offsets, 16); AT(heddle_training_log, items, 24);

SIZE(heddle_resume, 56); AT(heddle_resume, struct_size, 0); AT(heddle_resume, flags, 4); AT(heddle_resume, site, 8);
AT(heddle_resume, suffix_offsets, 16); AT(heddle_resume, prefix_begin, 24); AT(heddle_resume, prefix_end, 32);
AT(heddle_resume, activations, 40); AT(heddle_resume, cache, 48);

SIZE(heddle_site, 32); AT(heddle_site, struct_size, 0); AT(heddle_site, flags, 4); AT(heddle_site, name, 8);
AT(heddle_site, doc, 16); AT(heddle_site, width, 24);

SIZE(heddle_sites, 24); AT(heddle_sites, struct_size, 0); AT(heddle_sites, flags, 4); AT(heddle_sites, count, 8);
AT(heddle_sites, items, 16);

SIZE(heddle_hook, 24); AT(heddle_hook, struct_size, 0); AT(heddle_hook, flags, 4); AT(heddle_hook, self, 8);
AT(heddle_hook, at, 16);

SIZE(heddle_rank, 56); AT(heddle_rank, struct_size, 0); AT(heddle_rank, flags, 4); AT(heddle_rank, batch, 8);
AT(heddle_rank, hook, 16); AT(heddle_rank, seen_offsets, 24); AT(heddle_rank, seen_items, 32);
AT(heddle_rank, items, 40); AT(heddle_rank, scores, 48);

SIZE(heddle_backbone_vtable, 112); AT(heddle_backbone_vtable, struct_size, 0); AT(heddle_backbone_vtable, flags, 4);
AT(heddle_backbone_vtable, create, 8); AT(heddle_backbone_vtable, destroy, 16); AT(heddle_backbone_vtable, info, 24);
AT(heddle_backbone_vtable, parameters, 32); AT(heddle_backbone_vtable, sites, 40);
AT(heddle_backbone_vtable, train, 48); AT(heddle_backbone_vtable, forward, 56); AT(heddle_backbone_vtable, score, 64);
AT(heddle_backbone_vtable, prepare, 72); AT(heddle_backbone_vtable, cache_width, 80);
AT(heddle_backbone_vtable, forward_caching, 88); AT(heddle_backbone_vtable, forward_from, 96);
AT(heddle_backbone_vtable, rank, 104);

SIZE(heddle_dictionary_plan, 16); AT(heddle_dictionary_plan, struct_size, 0); AT(heddle_dictionary_plan, flags, 4);
AT(heddle_dictionary_plan, inputs, 8);

SIZE(heddle_dictionary_info, 16); AT(heddle_dictionary_info, struct_size, 0); AT(heddle_dictionary_info, flags, 4);
AT(heddle_dictionary_info, features, 8);

SIZE(heddle_dictionary_step, 64); AT(heddle_dictionary_step, struct_size, 0); AT(heddle_dictionary_step, flags, 4);
AT(heddle_dictionary_step, step, 8); AT(heddle_dictionary_step, steps, 16); AT(heddle_dictionary_step, x, 24);
AT(heddle_dictionary_step, dead, 32); AT(heddle_dictionary_step, dead_count, 40); AT(heddle_dictionary_step, aux_k, 48);
AT(heddle_dictionary_step, aux_coefficient, 56);

SIZE(heddle_dictionary_vtable, 64); AT(heddle_dictionary_vtable, struct_size, 0);
AT(heddle_dictionary_vtable, flags, 4); AT(heddle_dictionary_vtable, create, 8);
AT(heddle_dictionary_vtable, destroy, 16); AT(heddle_dictionary_vtable, info, 24);
AT(heddle_dictionary_vtable, parameters, 32); AT(heddle_dictionary_vtable, encode, 40);
AT(heddle_dictionary_vtable, decode, 48); AT(heddle_dictionary_vtable, train, 56);

SIZE(heddle_pair, 88); AT(heddle_pair, struct_size, 0); AT(heddle_pair, flags, 4); AT(heddle_pair, points, 8);
AT(heddle_pair, positives, 16); AT(heddle_pair, active, 24); AT(heddle_pair, active_positive, 32);
AT(heddle_pair, sum, 40); AT(heddle_pair, sum_squares, 48); AT(heddle_pair, label_sum, 56);
AT(heddle_pair, label_squares, 64); AT(heddle_pair, product_sum, 72); AT(heddle_pair, rank_sum_positive, 80);

SIZE(heddle_metric_info, 24); AT(heddle_metric_info, struct_size, 0); AT(heddle_metric_info, flags, 4);
AT(heddle_metric_info, lowest, 8); AT(heddle_metric_info, highest, 16);

SIZE(heddle_metric_shape, 24); AT(heddle_metric_shape, struct_size, 0); AT(heddle_metric_shape, flags, 4);
AT(heddle_metric_shape, features, 8); AT(heddle_metric_shape, attributes, 16);

SIZE(heddle_metric_block, 24); AT(heddle_metric_block, struct_size, 0); AT(heddle_metric_block, flags, 4);
AT(heddle_metric_block, codes, 8); AT(heddle_metric_block, labels, 16);

SIZE(heddle_metric_vtable, 72); AT(heddle_metric_vtable, struct_size, 0); AT(heddle_metric_vtable, flags, 4);
AT(heddle_metric_vtable, create, 8); AT(heddle_metric_vtable, destroy, 16); AT(heddle_metric_vtable, info, 24);
AT(heddle_metric_vtable, score, 32); AT(heddle_metric_vtable, begin, 40); AT(heddle_metric_vtable, update, 48);
AT(heddle_metric_vtable, merge, 56); AT(heddle_metric_vtable, finish, 64);

SIZE(heddle_lists, 64); AT(heddle_lists, struct_size, 0); AT(heddle_lists, flags, 4); AT(heddle_lists, users, 8);
AT(heddle_lists, k, 16); AT(heddle_lists, items, 24); AT(heddle_lists, lists, 32); AT(heddle_lists, target_offsets, 40);
AT(heddle_lists, targets, 48); AT(heddle_lists, counted, 56);

SIZE(heddle_ranking_metric_vtable, 40); AT(heddle_ranking_metric_vtable, struct_size, 0);
AT(heddle_ranking_metric_vtable, flags, 4); AT(heddle_ranking_metric_vtable, create, 8);
AT(heddle_ranking_metric_vtable, destroy, 16); AT(heddle_ranking_metric_vtable, per_user, 24);
AT(heddle_ranking_metric_vtable, over_all, 32);

SIZE(heddle_device_info, 40); AT(heddle_device_info, struct_size, 0); AT(heddle_device_info, flags, 4);
AT(heddle_device_info, device, 8); AT(heddle_device_info, memory, 16); AT(heddle_device_info, name, 24);
AT(heddle_device_info, isa, 32);

SIZE(heddle_device_vtable, 96); AT(heddle_device_vtable, struct_size, 0); AT(heddle_device_vtable, flags, 4);
AT(heddle_device_vtable, probe, 8); AT(heddle_device_vtable, open, 16); AT(heddle_device_vtable, close, 24);
AT(heddle_device_vtable, info, 32); AT(heddle_device_vtable, ops, 40); AT(heddle_device_vtable, context_create, 48);
AT(heddle_device_vtable, context_destroy, 56); AT(heddle_device_vtable, allocate, 64);
AT(heddle_device_vtable, release, 72); AT(heddle_device_vtable, copy, 80); AT(heddle_device_vtable, synchronize, 88);

SIZE(heddle_component, 72); AT(heddle_component, struct_size, 0); AT(heddle_component, flags, 4);
AT(heddle_component, kind, 8); AT(heddle_component, concurrency, 12); AT(heddle_component, id, 16);
AT(heddle_component, version, 24); AT(heddle_component, doc, 32); AT(heddle_component, n_params, 40);
AT(heddle_component, params, 48); AT(heddle_component, vtable, 56); AT(heddle_component, check, 64);

SIZE(heddle_plugin, 56); AT(heddle_plugin, struct_size, 0); AT(heddle_plugin, flags, 4);
AT(heddle_plugin, abi_major, 8); AT(heddle_plugin, abi_minor, 12); AT(heddle_plugin, id, 16);
AT(heddle_plugin, version, 24); AT(heddle_plugin, doc, 32); AT(heddle_plugin, n_components, 40);
AT(heddle_plugin, components, 48);

SIZE(heddle_note, 36); AT(heddle_note, name_size, 0); AT(heddle_note, desc_size, 4); AT(heddle_note, type, 8);
AT(heddle_note, name, 12); AT(heddle_note, abi_major, 20); AT(heddle_note, abi_minor, 24); AT(heddle_note, kinds, 28);
AT(heddle_note, reserved, 32);

IS(HEDDLE_OK, 0); IS(HEDDLE_CANCELLED, 1); IS(HEDDLE_UNKNOWN, 2); IS(HEDDLE_INVALID_ARGUMENT, 3);
IS(HEDDLE_NOT_FOUND, 5); IS(HEDDLE_RESOURCE_EXHAUSTED, 8); IS(HEDDLE_FAILED_PRECONDITION, 9);
IS(HEDDLE_OUT_OF_RANGE, 11); IS(HEDDLE_UNIMPLEMENTED, 12); IS(HEDDLE_INTERNAL, 13); IS(HEDDLE_DATA_LOSS, 15);
IS(HEDDLE_LOG_DEBUG, 0); IS(HEDDLE_LOG_INFO, 1); IS(HEDDLE_LOG_WARNING, 2); IS(HEDDLE_LOG_ERROR, 3);
IS(HEDDLE_KIND_INTERACTIONS, 1); IS(HEDDLE_KIND_ATTRIBUTES, 2); IS(HEDDLE_KIND_BACKBONE, 3);
IS(HEDDLE_KIND_DICTIONARY, 4); IS(HEDDLE_KIND_METRIC, 5); IS(HEDDLE_KIND_RANKING_METRIC, 6); IS(HEDDLE_KIND_DEVICE, 7);
IS(HEDDLE_ABI_MAJOR, 1); IS(HEDDLE_ACTIVATION_NONE, 0); IS(HEDDLE_ACTIVATION_RELU, 1);
IS(HEDDLE_ACTIVATION_GELU_TANH, 2); IS(HEDDLE_PRECISION_F32, 0); IS(HEDDLE_PRECISION_BF16, 1);
IS(HEDDLE_SELECT_RELU, 0); IS(HEDDLE_SELECT_THRESHOLD, 1); IS(HEDDLE_SELECT_TOP_K, 2); IS(HEDDLE_SELECT_BATCH_TOP_K, 3);
IS(HEDDLE_RECONSTRUCTION_L2_NORM, 0); IS(HEDDLE_RECONSTRUCTION_L2_SQUARED, 1); IS(HEDDLE_RECONSTRUCTION_MSE_MEAN, 2);
IS(HEDDLE_CANDIDATES_BINARY, 0); IS(HEDDLE_CANDIDATES_SOFTMAX, 1); IS(HEDDLE_INIT_ZEROS, 0);
IS(HEDDLE_INIT_CONSTANT, 1); IS(HEDDLE_INIT_NORMAL, 2); IS(HEDDLE_INIT_UNIFORM, 3); IS(HEDDLE_INIT_UNIT_ROWS, 4);
IS(HEDDLE_INIT_COPY, 5); IS(HEDDLE_INIT_GEOMETRIC_MEDIAN, 6); IS(HEDDLE_INIT_DATA_MEAN, 7);
IS(HEDDLE_CONSTRAINT_NONE, 0); IS(HEDDLE_CONSTRAINT_UNIT_ROWS, 1); IS(HEDDLE_ROLE_OTHER, 0); IS(HEDDLE_ROLE_ENCODER, 1);
IS(HEDDLE_ROLE_ENCODER_BIAS, 2); IS(HEDDLE_ROLE_DECODER, 3); IS(HEDDLE_ROLE_DECODER_BIAS, 4);
IS(HEDDLE_ROLE_THRESHOLD, 5); IS(HEDDLE_ROLE_ITEM_TABLE, 6); IS(HEDDLE_PARAMETER_BUFFER, 1);
IS(HEDDLE_PARAMETER_SURROGATE_GRADIENT, 65536); IS(HEDDLE_PARAM_BOOL, 1); IS(HEDDLE_PARAM_INT, 2);
IS(HEDDLE_PARAM_FLOAT, 3); IS(HEDDLE_PARAM_STRING, 4); IS(HEDDLE_PARAM_CHOICE, 5); IS(HEDDLE_PARAM_PATH, 6);
IS(HEDDLE_PARAM_INT_LIST, 7); IS(HEDDLE_PARAM_FLOAT_LIST, 8); IS(HEDDLE_PARAM_STRING_LIST, 9);
IS(HEDDLE_PARAM_REQUIRED, 1); IS(HEDDLE_PARAM_NOT_NUMERIC, 2); IS(HEDDLE_PARAM_EXPERIMENTAL, 65536);
IS(HEDDLE_VALUE_GIVEN, 65536); IS(HEDDLE_ID_INT, 0); IS(HEDDLE_ID_STRING, 1); IS(HEDDLE_ATTRIBUTE_BINARY, 0);
IS(HEDDLE_ATTRIBUTE_NUMERIC, 1); IS(HEDDLE_BACKBONE_APPEND_MASK, 65536); IS(HEDDLE_BACKBONE_POSITIONS_FROM_END, 131072);
IS(HEDDLE_BACKBONE_CAUSAL, 262144); IS(HEDDLE_BACKBONE_RANKS, 524288); IS(HEDDLE_BATCHES_NEXT_ITEM, 0);
IS(HEDDLE_BATCHES_WHOLE, 1); IS(HEDDLE_BATCHES_CLOZE, 2); IS(HEDDLE_METRIC_NEEDS_RANKS, 65536);
IS(HEDDLE_METRIC_BINARY_ONLY, 131072); IS(HEDDLE_METRIC_LOWER_IS_BETTER, 262144);
IS(HEDDLE_RANKING_LOWER_IS_BETTER, 65536); IS(HEDDLE_CONCURRENCY_EXCLUSIVE, 0); IS(HEDDLE_CONCURRENCY_PER_INSTANCE, 1);
IS(HEDDLE_NOTE_TYPE, 1);
