"""Every row of `docs/differences.md` is held by a test, which is named here."""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The test that holds a row, by heading and first cell.
HELD = {
    "Quantizers": {
        "Gradient": ("keras/test_quantization_ops::the_gradient_is_straight_through"),
        "Limit of scale factors": ("keras/test_quantization_ops::small_weights_have_all_levels_or_are_zero"),
        "All-zero weights": ("keras/test_quantization_ops::the_gradient_is_straight_through"),
        "Bit width": ("keras/test_quantization_ops::widths_outside_2_to_8_are_refused"),
    },
    "Layers and activations": {
        "Arguments with one possible value (`activation`, `dilation_rate`, …)": (
            "keras/test_quantization_layers::arguments_that_cannot_be_quantized_are_refused"
        ),
        "`QuantizedDepthwiseConv2D`": (
            "keras/test_convert::a_depthwise_convolution_on_its_own_or_with_a_bias_is_refused"
        ),
        "Gradient of activations": (
            "keras/test_quantization_layers::the_gradient_of_an_activation_is_one_inside_and_zero_outside"
        ),
        "Largest output of `QuantizedReLU`": (
            "keras/test_quantization_layers::a_trained_largest_output_follows_the_inputs_above_it_and_stays_positive"
        ),
        "`QuantizedReLU(max_value=0)`": ("keras/test_quantization_layers::the_largest_output_must_be_positive"),
        "Custom objects on loading": ("keras/test_compiled_files::the_users_own_class_wins_in_files_of_this_package"),
        "`QuantizedReLU` in files of 2.1.2 and older, with a threshold of its own": (
            "keras/test_model_io::activations_of_older_versions_are_refused_with_the_remedy"
        ),
        "`TrainableStdWeightQuantizer`, and the name `WeightQuantizer` of the first releases": (
            "keras/test_model_io::thresholds_that_older_versions_trained_become_those_of_the_quantizer"
        ),
        "Bits of activations": ("keras/test_quantization::impossible_activation_widths_are_refused"),
        "Layer names with a slash in Keras 2 files": (
            "keras/test_model_io::what_keras_2_writes_is_read_alike_under_both_generations"
        ),
    },
    "`quantize` and `quantize_layer`": {
        'Layers without quantized form (`Activation("gelu")`, `Conv1D`, …)': (
            "keras/test_quantization::layers_that_would_stay_in_float_or_lose_an_argument_are_refused"
        ),
        'Fused activations, `Activation("relu")`, augmentation, `ZeroPadding2D`, `Normalization`, normalizations '
        "behind an activation": (
            "keras/test_prepare::random_networks_keep_their_outputs_and_convert_once_they_are_quantized"
        ),
        "What `convert` always refuses (`AveragePooling2D`, `Add`, two poolings, weights that are NaN, …)": (
            "keras/test_prepare::what_conversion_always_refuses_is_refused_before_training"
        ),
        "`ReLU(negative_slope=…)`": (
            "keras/test_quantization::layers_that_would_stay_in_float_or_lose_an_argument_are_refused"
        ),
        "`BatchNormalization` that can be folded neither backwards nor forwards": (
            "keras/test_quantization::a_normalization_that_cannot_be_folded_does_not_stay_in_silence"
        ),
        "`quantizer_function` and layers that are quantized already": (
            "keras/test_quantization::the_quantizer_function_is_asked_again_for_quantized_kernels"
        ),
        "Result": ("keras/test_quantization::functional_models_with_branches_stay_functional"),
        "`quantize_layer` on a layer with nothing to quantize": (
            "keras/test_quantization::targets_that_cannot_be_quantized_are_refused"
        ),
        "`quantize_layer` on a `ReLU` with a bound that `ActivationDiscreteRelu` does not have": (
            "keras/test_quantization::quantize_layer_makes_a_discrete_relu_of_a_relu_whose_bound_it_holds"
        ),
    },
    "Transforms and calibration": {
        "Batch normalization without scale or center": "keras/test_transform_properties::transforms_keep_the_function",
        "gamma = 0": ("keras/test_quantization::a_gamma_of_zero_leaves_the_constant"),
        "Normalization behind a layer with a fused activation": (
            "keras/test_transforms::a_normalization_behind_a_fused_activation_stays"
        ),
        "Kind of model": ("keras/test_transform_properties::transforms_keep_the_function"),
        "`sequentialize`": ("keras/test_sequentialize::branches_become_sequential_models_joined_by_concatenate"),
        "`syncretize` of a layer whose quantizer has one scale": (
            "keras/test_sequentialize::a_normalization_that_one_scale_cannot_take_stays"
        ),
        "`ReLU` branches with different `max_value` that meet in a `Concatenate`": (
            "keras/test_branches::branches_with_different_bounds_are_quantized_to_one_step_and_convert"
        ),
        "`Rescaling` with one scale per channel": (
            "keras/test_weight_scaling::a_scale_per_channel_moves_into_the_weights"
        ),
        "`cross_layer_scaling`": ("keras/test_weight_scaling::ranges_of_source_and_destination_become_equal"),
        "Samples of calibration": ("keras/test_calibration::impossible_samples_and_batches_are_refused"),
        "Models to calibrate": ("keras/test_calibration::adaround_rounds_up_or_down_and_never_worse"),
        "Reference of `bias_correction`": (
            "keras/test_float_reference::a_bias_that_is_kept_gives_each_channel_its_mean_in_the_float_network"
        ),
        "A correction of `bias_correction` that does not help": (
            "keras/test_float_reference::a_correction_that_samples_held_back_do_not_confirm_is_taken_back"
        ),
        "`bias_correction`, `adaround` with an unfinished last batch": (
            "keras/test_float_reference::batches_do_not_matter_to_bias_correction"
        ),
        "`adaround`: cost": ("keras/test_calibration::each_layer_is_run_once_whatever_the_depth"),
        "`adaround`: weights at the ends of the range": (
            "keras/test_calibration::adaround_changes_nothing_where_nothing_is_between_integers"
        ),
        "`adaround`: a rounding that is worse on the samples than the nearest": (
            "keras/test_calibration::adaround_rounds_up_or_down_and_never_worse"
        ),
        "`activations_rescaling`": ("keras/test_calibration::bounds_are_lowered_to_the_largest_value_of_all_batches"),
        "`weights_homogeneity` of a kernel of zeros": (
            "keras/test_weight_scaling::homogeneity_is_the_mean_share_of_the_largest_range"
        ),
        "`normalize_separable_layer` with a dead channel": (
            "keras/test_weight_scaling::a_separable_layer_is_normalized_in_place"
        ),
    },
    "Conversion": {
        "Thresholds": ("keras/test_convert::thresholds_are_fitted_or_floored"),
        "Thresholds and steps beyond the chip's widths": (
            "keras/test_conversion_report::values_beyond_the_chip_are_reported_with_layer_and_filter_and_cause"
        ),
        "`input_scaling` in the wrong direction, or one per channel": (
            "conversion/test_scaling::a_scale_and_a_shift_per_channel_are_refused_with_the_reason"
        ),
        "Bias of the last layer": (
            "conversion/test_variables::a_layer_without_activation_has_the_potentials_per_unit_and_rounded_thresholds"
        ),
        "`padding_value`": ("keras/test_input_scaling::a_border_between_integers_needs_a_padding_value"),
        "Batch normalization after a quantizer with one scale": (
            "keras/test_convert::normalization_after_any_quantizer_folds_exactly"
        ),
        "`Concat` of branches with different steps": (
            "keras/test_branches::quantized_branches_with_different_steps_are_refused"
        ),
        "`input_scaling` with a shift, inputs that are no images": (
            "keras/test_input_scaling::inputs_that_are_not_images_are_not_shifted"
        ),
        "`Rescaling` with one scale per channel that `quantize` could not fold, or not directly after the input": (
            "keras/test_weight_scaling::scales_per_channel_that_cannot_be_folded_stay_and_are_not_converted"
        ),
        "Separable layers whose kernels have different widths": (
            "keras/test_convert::a_separable_layer_has_the_width_of_its_wider_kernel"
        ),
        "`Reshape` and `Flatten` at the input": (
            "keras/test_convert::a_reshape_at_the_input_gives_the_converted_model_its_shape"
        ),
        'Convolutions with padding "valid" whose windows cover the map': (
            "keras/test_convert::a_valid_convolution_that_covers_its_map_is_one_of_padding_same"
        ),
        "Final `Activation` whose function never falls (`tanh`, `softplus`, `hard_sigmoid`, …)": (
            "keras/test_quantization::a_final_activation_that_keeps_the_order_is_left_out"
        ),
        "`MaxPooling2D` with another `padding` than the convolution before it": (
            "keras/test_convert::padding_that_differs_in_name_only_is_accepted"
        ),
        "`Flatten` that is not directly before a `Dense`": (
            "keras/test_convert::a_flatten_that_moves_no_value_may_stand_anywhere"
        ),
        "`Dense` that reads 4 bits": ("keras/test_chip::reference_networks_run_on_both_chips_alone"),
        "Widths of the first layer's weights": ("keras/test_convert::widths_that_the_engine_lacks_are_refused"),
        "`InputData`": ("keras/test_convert::the_input_is_called_like_that_of_keras"),
    },
    "Conversion of QuantizeML models": {
        "`model` of `convert`": ("conversion/test_quantizeml_convert::a_file_and_its_model_in_memory_convert_alike"),
        "Variables of Akida 2.0": (
            "conversion/quantizeml/test_fixtures::integers_of_akida_2_are_those_of_the_published_converter"
        ),
        "`Flatten` of a map that is quantized per axis": (
            "conversion/quantizeml/test_fixtures::a_flatten_in_which_values_saturate_is_refused"
        ),
        "`input_scaling`": ("conversion/test_quantizeml_convert::arguments_without_effect_are_warned_of"),
        "Thresholds and steps of Akida 1.0": ("conversion/quantizeml/test_akida1::the_fit_takes_the_exact_boundaries"),
        "Activations per axis, Akida 1.0": ("conversion/quantizeml/test_akida1::activations_per_axis_are_refused"),
        "Rounding": ("analysis/test_compare_quantizeml::float32_rounds_only_where_the_report_allows_it"),
        "Reports, `compare`": ("analysis/test_compare_quantizeml::recorded_inputs_show_what_was_recorded"),
        "Product with `output_scales`": (
            "conversion/test_akida2_certificate::products_beyond_a_register_of_32_bits_have_a_witness"
        ),
        "`output_shift` below 1 − `buffer_bits`": (
            "conversion/quantizeml/test_refusals::shifts_below_those_of_the_published_converter_stay_exact"
        ),
        "`last_output_bits=16` behind a recurrent layer": (
            "conversion/test_akida2_certificate::reports_of_fixtures_hold_what_was_recorded"
        ),
        "Floats below the calibrated minimum, unsigned inputs": (
            "analysis/test_compare_quantizeml::floats_below_the_calibrated_minimum_are_accounted_for"
        ),
        "Scales of float inputs, ONNX": (
            "conversion/test_akida2_certificate::scales_of_float_inputs_that_are_no_powers_of_two_are_told"
        ),
        "Float images per axis with a border, in memory": (
            "conversion/quantizeml/test_refusals::an_image_with_channels_of_different_precision_is_refused"
        ),
        "Borders of images": ("conversion/quantizeml/test_quantizers::a_border_is_a_mantissa_and_a_shift"),
        "Channels that never change": (
            "conversion/test_akida2_certificate::stuck_channels_of_a_random_model_never_change"
        ),
        "Sign of `output_shift`": (
            "conversion/quantizeml/test_fixtures::integers_of_akida_2_are_those_of_the_published_converter"
        ),
        "`max_value` of an unbounded ReLU": ("reports/test_akida2::bounds_that_filters_lack_are_told"),
        "Global average of 4 bits behind a ReLU": (
            "conversion/quantizeml/test_fixtures::signs_of_outputs_are_those_of_the_recorded_ranges"
        ),
        "First layers that find no image pattern (uint8 without an activation, or with other than 1 or 3 channels)": (
            "conversion/quantizeml/test_refusals::unsigned_inputs_that_are_no_images_are_refused"
        ),
        "Sequences of layers that no layer computes": (
            "conversion/quantizeml/test_refusals::a_pattern_is_named_with_its_layers_and_the_nearest"
        ),
        "`MaxPool` behind a convolution without padding, ONNX": (
            "conversion/onnx/test_padding::a_max_pooling_without_pads_behind_a_convolution_without_pads_is_valid"
        ),
        "Temporal layers, ONNX": ("conversion/onnx/test_temporal::comparison_evaluates_queues"),
        "Files of older QuantizeML releases": (
            "conversion/quantizeml/test_refusals::an_unknown_argument_is_named_with_those_that_are_known"
        ),
        "Damaged or hostile `.h5` files": (
            "conversion/quantizeml/test_h5_file::texts_that_the_hdf5_library_would_read_for_ever_are_refused"
        ),
    },
    "`check_model_compatibility`": {
        "Problems": ("keras/test_compatibility::every_problem_is_reported_at_once"),
        "Bit widths": ("keras/test_compatibility::widths_are_checked_together_with_what_follows_them"),
        "Float models": ("keras/test_compatibility::what_quantize_refuses_is_reported_for_float_models"),
        "What QuantizeML changes in a float model before it quantizes": (
            "keras/test_compatibility_versions::what_sanitizing_changes_is_said"
        ),
        "Which generation": ("keras/test_compatibility_versions::a_device_that_contradicts_the_version_is_refused"),
        "Models that QuantizeML quantized": (
            "keras/test_compatibility_versions::a_quantizeml_model_is_judged_for_the_version_in_force"
        ),
        "Limits of chips": ("keras/test_compatibility::limits_count_only_for_the_device_asked_for"),
    },
    "Version context": {
        "`set_akida_version`": ("packaging/test_akida_versions::threads_do_not_see_each_other"),
        "An argument that is no version": ("packaging/test_akida_versions::only_versions_are_accepted"),
    },
    "Helpers and reference networks": {
        "Names inside blocks": ("keras/test_layer_blocks::convolution_block_has_the_order_of_the_chip"),
        "`yolo_base`": ("keras/test_zoo::input_scaling_is_a_rescaling_layer_or_none"),
        "Imports of `akida_models`": ("keras/test_zoo::networks_with_weights_are_named_with_what_takes_their_place"),
        "Reference networks": ("keras/test_zoo::networks_are_quantized_and_converted"),
    },
    "Files of Keras models": {
        "`.h5` file with a `Lambda` layer": ("keras/test_model_io::python_code_in_a_file_is_refused_unless_asked_for"),
        "Compilation that cannot be restored (a loss of one's own, an optimizer that Keras 3 lacks)": (
            "keras/test_compiled_files::a_model_whose_loss_is_not_known_is_loaded_with_a_warning"
        ),
        "`.h5` files of trained models under Keras 3": (
            "keras/test_compiled_files::training_goes_on_with_files_of_keras_2"
        ),
        "SavedModel folders": ("keras/test_model_io::saved_model_folders_are_refused_under_keras_3"),
        "Files of another kind or of the other Keras generation": (
            "keras/test_model_io::files_of_other_makers_are_named_with_the_way_that_leads_here"
        ),
        "`KERAS_BACKEND=jax`, `torch`": (
            "keras/test_compiled_files::another_backend_of_keras_is_named_with_its_variable"
        ),
    },
    "Names without a chip behind them": {
        "`akida.devices`": ("akida/test_published_names::no_chip_is_found_and_virtual_ones_are_named"),
        "`Model.metrics`, `Model.power_events`": ("akida/test_published_names::nothing_is_measured_without_a_chip"),
        "`Model.statistics` after `forward`": (
            "akida/test_published_names::statistics_of_a_model_that_only_ran_say_how_to_have_them"
        ),
        "Edge learning (`Model.compile`, `fit`, `add_classes`, `learning`, `AkidaUnsupervised`)": (
            "akida/test_published_names::edge_learning_is_refused_where_it_is_called"
        ),
        "`akida.compatibility`": ("akida/test_published_names::the_module_that_was_removed_says_so"),
    },
    "The simulator of Akida 2.0": {
        "`forward` behind a `Dequantizer`": (
            "engine/test_akida2_model_rules::l2_l3_forward_is_what_the_dequantizer_reads"
        ),
        "`predict` without `Dequantizer`": ("engine/test_akida2_model_rules::l3_predict_needs_a_dequantizer"),
        "Classes of integers": ("akida/test_classes::classes_of_integers_are_those_of_their_inputs"),
        "`Model.dequantize`": ("akida/test_sessions::float_outputs_are_those_of_a_step"),
        "Sign of outputs": ("akida/test_akida2_layers::the_sign_follows_from_activation_and_width"),
        "Defaults that are not documented": ("akida/test_akida2_layers::signature_is_the_documented_one"),
        "Order of arguments": ("akida/test_akida2_layers::signature_is_the_documented_one"),
        "`InputData` of 8 and 16 bits": ("akida/test_akida2_layers::inputs_of_8_and_16_bits_are_signed"),
        "`input_bits` of a `Quantizer`": ("akida/test_akida2_layers::layers_know_their_formats"),
        "No bound of a ReLU": ("engine/test_akida2_rules::b5_no_bound_is_no_large_number"),
        "Scales (`output_scales`, `activation_scales`, …)": (
            "akida/test_akida2_layers::uint8_arrays_are_taken_where_16_bits_are_held"
        ),
        "Numbers of `ActivationType`, `LayerType`, `Padding.SameUpper`": (
            "akida/test_layers::enums_have_the_documented_numbers"
        ),
        "Element types of inputs": ("akida/test_model::refused_inputs_are_explained"),
        "Inputs that are NaN": ("engine/test_akida2_model_rules::k2_nan_is_refused"),
        "A batch of a model with temporal or recurrent layers": (
            "akida/test_sessions::a_batch_is_one_step_of_so_many_streams"
        ),
        "Clips": ("akida/test_sessions::clips_are_steps_one_after_the_other"),
        "State": ("akida/test_sessions::streams_are_saved_and_restored"),
        "Statistics of models with state": (
            "akida/test_sessions::samples_of_a_model_with_state_are_measured_as_one_stream"
        ),
        "Layers of earlier releases (`Dense2D`, `Attention`, `Shiftmax`, …)": (
            "akida/test_published_names::layers_of_earlier_releases_are_absent"
        ),
    },
    "Devices and mapping": {
        "Mapping": ("cli/test_map::a_model_of_akida2_has_the_same_table_and_says_whose_counts_these_are"),
        "Limits that a model breaks": ("akida/test_devices::all_violations_come_at_once_with_their_fields"),
        "A model on a device of the other generation": (
            "akida/test_devices_akida2::a_model_or_device_of_the_wrong_generation_is_refused_by_name"
        ),
        "Meshes of `AKD1000`, `AKD1500`, `TwoNodesIPv1`, `TwoNodesIPv2`, `SixNodesIPv2`": (
            "akida/test_devices_akida2::documented_devices"
        ),
        "`Mesh.np_sram_size`, `Mesh.skip_dmas` of `TwoNodesIPv2` and `SixNodesIPv2`": (
            "akida/test_devices_akida2::documented_devices"
        ),
        "`create_device(sram_size=None)`": ("akida/test_devices_akida2::a_created_device_has_what_was_asked_for"),
        "Revisions of Akida 2.0 hardware": ("akida/test_devices_akida2::an_older_revision_has_8_bits_alone"),
        "Akida Pico (`BC.B1.001.000`)": ("akida/test_devices::a_device_that_cannot_be_is_refused"),
        "`Quantizer`, `Dequantizer` on a device": (
            "akida/test_mapping_akida2::recorded_networks_are_placed_whole_but_for_published_limits"
        ),
        "`Model.skip_connections`": ("akida/test_mapping_akida2::skip_connections_take_channels"),
        "`compute_minimal_memory`": ("akida/test_mapping_akida2::minimal_memory_suffices_and_less_does_not"),
        "`MapConstraints`, `constraints` of `map`": ("akida/test_mapping::wrong_arguments_are_refused"),
        "`Mesh.dma_conf`, `Mesh.dma_event`, numbers of `NP.Type`": ("akida/test_devices::documented_devices"),
        "Hardware (`HardwareDevice`, `SocDriver`, …)": ("akida/test_published_names::what_drives_chips_is_absent"),
        "Estimates": ("akida/test_statistics::there_is_no_estimate_without_its_grounds"),
    },
    "Command line": {
        "No command": ("cli/test_main::no_command_prints_help_and_fails"),
        "One of `-sc` and `-sh`": ("cli/test_quantize_convert::scale_and_shift_go_together"),
        "`-sc`, `-sh`": ("cli/test_quantize_convert::scale_is_a_number"),
        "Numbers of bits at the end of a file name": (
            "cli/test_quantize_convert::numbers_of_bits_in_the_name_are_replaced"
        ),
        "Ending of the result": ("cli/test_quantize_convert::path_with_dots_and_spaces_gives_its_own_name"),
        "Name of a reshaped model": "cli/test_reshape_calibrate::width_is_the_second_axis_and_comes_first_in_the_name",
        "`run` of a model with state": ("cli/test_akida2::clips_are_run_step_by_step"),
        "`calibrate` without a method": ("cli/test_reshape_calibrate::calibrate_asks_for_a_method"),
        "`map` without `--device`": ("cli/test_map::the_default_device_is_of_the_generation_of_the_model"),
        "Errors": ("cli/test_main::debug_shows_the_traceback_before_the_line"),
        "`run` of integers that stand for other numbers": (
            "cli/test_run::integers_that_are_no_scores_are_noted_where_they_are_given"
        ),
        "`quantize`, `reshape`, `calibrate`": (
            "cli/test_reshape_calibrate::width_is_the_second_axis_and_comes_first_in_the_name"
        ),
        "Generation of Akida": ("cli/test_convert_quantizeml::the_option_asks_for_akida_1"),
    },
}


def rows():
    """The first cells of the tables, by heading."""
    found, heading = {}, None
    for line in (ROOT / "docs/differences.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            heading = found.setdefault(line[3:], [])
        elif line.startswith("| ") and not line.startswith(("| What |", "| --- |")):
            heading.append(re.split(r"(?<!\\) \| ", line[2:])[0])
    return found


@functools.cache
def functions(module):
    source = (ROOT / "tests" / f"{module}.py").read_text("utf-8")
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_the_test_that_holds_it():
    assert {heading: list(held) for heading, held in HELD.items()} == rows()


def test_the_tests_that_hold_rows_exist():
    named = {name for held in HELD.values() for name in held.values()}
    missing = [name for name in named if f"test_{name.split('::')[1]}" not in functions(name.split("::")[0])]
    assert missing == []
