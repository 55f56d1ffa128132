# The server: Debian 13, encrypted disks, one address. What runs on it is Ansible's.

data "aws_ami" "debian" {
  most_recent = true
  # Debian's own account: https://wiki.debian.org/Cloud/AmazonEC2Image
  owners = ["136693071363"]

  filter {
    name   = "name"
    values = ["debian-13-amd64-*"]
  }

  filter {
    name   = "virtualization-type"
    values = ["hvm"]
  }
}

data "aws_ec2_instance_type" "server" {
  instance_type = var.instance_type
}

resource "aws_key_pair" "administrator" {
  key_name   = local.name
  public_key = var.ssh_public_key
}

resource "aws_instance" "server" {
  #checkov:skip=CKV_AWS_126: What EC2 measures by itself is enough for the alarms; each minute is paid for.

  ami                         = data.aws_ami.debian.id
  instance_type               = var.instance_type
  subnet_id                   = local.subnet_id
  vpc_security_group_ids      = [aws_security_group.server.id]
  key_name                    = aws_key_pair.administrator.key_name
  iam_instance_profile        = aws_iam_instance_profile.server.name
  user_data                   = var.session_manager ? file("${path.module}/first-boot.sh") : null
  associate_public_ip_address = false
  ebs_optimized               = true
  # Against a click in the console; `terraform destroy` takes it back by itself.
  disable_api_termination = true

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # One hop ends at the machine: no container can ask for the role's credentials.
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = var.root_volume_gib
    tags        = { Name = "${local.name}-system" }
  }

  tags = { Name = "${local.name}-server" }

  lifecycle {
    # A newer image or another first boot is for a new machine. This one updates itself. Nor is the last one ever a
    # change: once the address below is there, the provider reads it as one that came with the machine, which would be
    # made anew at every apply.
    ignore_changes = [ami, user_data, associate_public_ip_address]

    # Told while nothing is made yet: otherwise AWS refuses the machine when network and data disk are there already.
    precondition {
      condition     = contains(data.aws_ec2_instance_type_offerings.server.locations, local.availability_zone)
      error_message = "${var.instance_type} is not offered in ${local.availability_zone}. Name another instanceType in the target, and compile anew."
    }

    # Others show the data disk under another name than the inventory's.
    precondition {
      condition     = data.aws_ec2_instance_type.server.hypervisor == "nitro" || data.aws_ec2_instance_type.server.bare_metal
      error_message = "${var.instance_type} is not of AWS's Nitro System, and shows its disks under names that are not known here. Name a newer instanceType in the target, such as t3.large, and compile anew."
    }

    precondition {
      condition     = data.aws_ec2_instance_type.server.memory_size >= 4096
      error_message = "${var.instance_type} has ${data.aws_ec2_instance_type.server.memory_size} MiB of memory, and below 4096 the services do not fit. Name a larger instanceType in the target, and compile anew."
    }

    precondition {
      condition     = contains(data.aws_ec2_instance_type.server.supported_architectures, "x86_64")
      error_message = "${var.instance_type} has no processor of x86-64, for which the images are. Name another instanceType in the target, such as t3.large, and compile anew."
    }
  }
}

# A change of its type stops the server; where that comes to no end, the next apply starts it. So does one after a stop by
# hand. Taken away, it leaves the server as it is.
resource "aws_ec2_instance_state" "server" {
  instance_id = aws_instance.server.id
  state       = "running"
}

# Holds users, sign-in data and what Docker keeps, so `destroy` fails until a person removes the lifecycle block.
resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189: Encrypted with a key of AWS. One of the customer can be deleted with everything it encrypts, and keeps out nobody whom IAM lets in.

  availability_zone = local.availability_zone
  type              = "gp3"
  size              = var.data_volume_gib
  encrypted         = true
  final_snapshot    = true

  tags = { Name = "${local.name}-data" }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "data" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data.id
  instance_id                    = aws_instance.server.id
  stop_instance_before_detaching = true
}

# Stays the same when the server is made anew, and so does what DNS says.
resource "aws_eip" "server" {
  domain = "vpc"

  tags = { Name = "${local.name}-server" }

  depends_on = [aws_internet_gateway.own]
}

resource "aws_eip_association" "server" {
  allocation_id = aws_eip.server.id
  instance_id   = aws_instance.server.id
}
