# The server and its disks.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

variables {
  slug           = "harbour"
  environment    = "production"
  region         = "eu-west-1"
  domain         = "files.harbour.example"
  bucket_name    = "harbour-stuf-uploads"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
}

run "instance" {
  command = plan

  variables {
    existing_subnet_id = ""
    session_manager    = true
    root_volume_gib    = 40
    data_volume_gib    = 200
  }

  assert {
    condition     = data.aws_ami.debian.owners == tolist(["136693071363"]) && data.aws_ami.debian.most_recent == true
    error_message = "The image is the newest of Debian's own account."
  }

  assert {
    condition     = contains([for filter in data.aws_ami.debian.filter : "${filter.name}=${join(",", filter.values)}"], "name=debian-13-amd64-*")
    error_message = "The image is Debian 13's, by its name."
  }

  assert {
    condition     = aws_instance.server.ami == data.aws_ami.debian.id
    error_message = "The server starts from that image."
  }

  assert {
    condition     = aws_instance.server.metadata_options[0].http_tokens == "required"
    error_message = "Metadata are given by IMDSv2 only."
  }

  assert {
    condition     = aws_instance.server.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Containers do not reach the metadata."
  }

  assert {
    condition     = aws_instance.server.root_block_device[0].encrypted && aws_instance.server.root_block_device[0].volume_size == 40
    error_message = "The system disk is encrypted, and as large as asked for."
  }

  assert {
    condition     = try(aws_instance.server.root_block_device[0].tags.Name, "") == "stuf-harbour-production-system" && aws_ebs_volume.data.tags.Name == "stuf-harbour-production-data"
    error_message = "Each disk says by its name whose it is."
  }

  assert {
    condition     = aws_ebs_volume.data.encrypted == true && aws_ebs_volume.data.size == 200
    error_message = "The data disk is encrypted, and as large as asked for."
  }

  assert {
    condition     = aws_ebs_volume.data.final_snapshot == true
    error_message = "Of a data disk that is deleted after all, a snapshot stays."
  }

  assert {
    condition     = aws_volume_attachment.data.volume_id == aws_ebs_volume.data.id && aws_volume_attachment.data.instance_id == aws_instance.server.id
    error_message = "The data disk is one of its own, attached to the server."
  }

  assert {
    # Terraform shows no lifecycle to a test, so the text is read.
    condition     = can(regex("resource \"aws_ebs_volume\" \"data\" \\{(?:[^\n]|\n[^}])*prevent_destroy = true", file("${path.module}/instance.tf")))
    error_message = "The data disk refuses to be destroyed."
  }

  assert {
    condition     = can(regex("resource \"aws_instance\" \"server\" \\{(?:[^\n]|\n[^}])*ignore_changes = \\[ami, user_data, associate_public_ip_address\\]", file("${path.module}/instance.tf")))
    error_message = "No newer image and no other first boot makes the server anew, nor does its own address."
  }

  assert {
    condition     = aws_volume_attachment.data.stop_instance_before_detaching == true
    error_message = "The server stops writing before its data disk is taken from it."
  }

  assert {
    condition     = aws_instance.server.associate_public_ip_address == false && aws_eip_association.server.allocation_id == aws_eip.server.id && aws_eip_association.server.instance_id == aws_instance.server.id
    error_message = "The server's one public address is the one that stays."
  }

  assert {
    condition     = aws_ec2_instance_state.server.state == "running" && aws_ec2_instance_state.server.instance_id == aws_instance.server.id
    error_message = "A server that was left switched off is started."
  }

  assert {
    condition     = aws_instance.server.disable_api_termination == true
    error_message = "A click in the console does not end the server."
  }

  assert {
    condition     = strcontains(coalesce(aws_instance.server.user_data, "none"), "amazon-ssm-agent")
    error_message = "The first boot installs the agent of Session Manager."
  }

  assert {
    condition     = aws_key_pair.administrator.public_key == var.ssh_public_key && aws_instance.server.key_name == aws_key_pair.administrator.key_name
    error_message = "The given key signs in."
  }

  assert {
    condition     = output.inventory.data_device == "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
    error_message = "The inventory names the data disk as the system does."
  }

  assert {
    condition     = output.inventory.address == aws_eip.server.public_ip && output.inventory.instance_id == aws_instance.server.id && output.inventory.user == "admin"
    error_message = "The inventory tells how the server is reached."
  }
}

run "without_session_manager" {
  command = plan

  variables {
    session_manager = false
    ssh_cidrs       = ["198.51.100.0/24"]
  }

  assert {
    condition     = !strcontains(coalesce(aws_instance.server.user_data, "none"), "amazon-ssm-agent") && output.inventory.session_manager == false
    error_message = "Where SSH is the way in, no agent is installed."
  }
}

run "bare_metal" {
  command = plan

  # Without a hypervisor, and of the Nitro System too.
  override_data {
    target = data.aws_ec2_instance_type.server
    values = {
      hypervisor              = ""
      bare_metal              = true
      memory_size             = 393216
      supported_architectures = ["x86_64"]
    }
  }
}

run "older_than_nitro" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.server
    values = {
      hypervisor              = "xen"
      bare_metal              = false
      memory_size             = 8192
      supported_architectures = ["x86_64"]
    }
  }

  expect_failures = [aws_instance.server]
}

run "too_little_memory" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.server
    values = {
      hypervisor              = "nitro"
      bare_metal              = false
      memory_size             = 2048
      supported_architectures = ["x86_64"]
    }
  }

  expect_failures = [aws_instance.server]
}

run "another_architecture" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.server
    values = {
      hypervisor              = "nitro"
      bare_metal              = false
      memory_size             = 8192
      supported_architectures = ["arm64"]
    }
  }

  expect_failures = [aws_instance.server]
}
